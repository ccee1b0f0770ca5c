"""One pane of several side by side: its title, something beside it, and what it holds."""

from aigc_core.text import Text
from apps.ui.language import both


def pane(title: Text, *parts: str, aside: str = "", kind: str = "") -> str:
    """A figure of the page.

    Args:
        parts: HTML below the title.
        aside: HTML at the right of the title.
        kind: a class of the style sheet.
    """
    head = f"<figcaption><b>{both(title)}</b>{aside}</figcaption>"
    return f'<figure class="{f"pane {kind}".strip()}">{head}{"".join(parts)}</figure>'
