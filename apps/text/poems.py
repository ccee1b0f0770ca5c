"""A poem on the page: written from top to bottom and from right to left, as in its time."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from aigc_core.artifact import Artifact
from aigc_core.media import Writing
from aigc_core.text import Text
from aigc_core.verse import form_problem, rhymes
from apps.ui.language import both

FORM = Text("Form kept: four lines of {count}", "格式正确：四句，每句 {count} 字")
RHYME = Text("lines 2 and 4 rhyme", "二、四句押韵")
NO_RHYME = Text("lines 2 and 4 do not rhyme", "二、四句不押韵")
SHARED = Text(
    "has {share} of the three-character runs of the poem above; longest in common: {longest}",
    "含上面那首诗 {share} 的三字片段；最长相同片段：{longest}",
)
LINE = re.compile(r"[^，。\n]+[，。]?")


def upright(
    text: str, given: str = "", /, *, writing: bool = False, marked: Sequence[int] = ()
) -> str:
    """Lines as columns; punctuation hangs below them, and what was asked for is in red."""
    marked = [place + len(given) for place in marked]
    columns = [f"<span>{red(line, marked)}</span>" for line in LINE.finditer(given + text)] or [
        "<span></span>"
    ]
    mark = '<i class="cursor"></i>' if writing else ""
    return f'<div class="verse" lang="zh">{"".join(columns)}{mark}</div>'


def red(line: re.Match[str], marked: Sequence[int]) -> str:
    """A line with the characters marked that stand at those places of the whole."""
    return "".join(
        f"<mark>{escape(character)}</mark>" if place in marked else escape(character)
        for place, character in enumerate(line.group(), line.start())
    )


def checked(artifacts: Sequence[Artifact]) -> str:
    """What the form of a poem is, and whether it rhymes."""
    media, record = artifacts[0].media, artifacts[0].record
    assert isinstance(media, Writing)
    if problem := form_problem(media.text, int(record.request["form"])):
        return f'<p class="form broken">✗ {both(problem)}</p>'
    kept = both(FORM.fill(count=record.request["form"]))
    mark, says = ("✓", RHYME) if rhymes(media.text) else ("✗", NO_RHYME)
    return f'<p class="form">✓ {kept} · {mark} {both(says)}</p>'


def nearest(found: Iterable[Artifact]) -> str:
    """Training poems, with what they share with the poem in question."""
    return f'<div class="nearest">{"".join(map(training_poem, found))}</div>'


def training_poem(artifact: Artifact) -> str:
    assert isinstance(artifact.media, Writing)
    details = artifact.record.details
    says = SHARED.fill(share=f"{details['shared']:.0%}", longest=details["longest"] or "–")
    by = escape(f"{details['author']}《{details['title']}》")
    poem = escape(artifact.media.text)
    caption = f"<figcaption>{by} · {both(says)}</figcaption>"
    return f'<figure lang="zh"><p>{poem}</p>{caption}</figure>'
