"""How every app of the suite is served: one theme, two languages, limits, nothing from outside."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.routes import App
from starlette.middleware import Middleware

from aigc_core.tasks import Request
from apps.ui.language import TRANSLATIONS, LanguageMiddleware
from apps.ui.theme import STYLE, theme
from apps.ui.warm import WarmUpMiddleware

SCRIPT = Path(__file__).with_name("page.js")

# Jobs that Gradio lets in; each then waits for its turn without a thread (see apps/ui/turns.py).
JOBS = 400
HOUR = 3600


def blocks() -> gr.Blocks:
    """An empty app; files that it made are deleted after a day."""
    return gr.Blocks(title="AIGC", analytics_enabled=False, delete_cache=(HOUR, 24 * HOUR))


@contextmanager
def without_servers() -> Iterator[None]:
    """Around drawing an app of several pages.

    Gradio makes a server whenever a page is finished, of which only the one of `launch` is ever
    used; with pages like ours they cost more time than drawing them.
    """
    make = App.create_app
    App.create_app = staticmethod(lambda *_, **__: None)
    try:
        yield
    finally:
        App.create_app = make


def look(*middleware: Middleware) -> dict[str, Any]:
    """What every app has, however it is served."""
    return {
        "theme": theme(),
        "css_paths": STYLE,
        "js": f"() => {{ {SCRIPT.read_text('utf-8')} }}",
        "i18n": TRANSLATIONS,
        "app_kwargs": {"middleware": [Middleware(LanguageMiddleware), *middleware]},
        "ssr_mode": False,
        "run_history": False,
        "footer_links": [],
        "max_file_size": "20mb",
    }


def serve(app: gr.Blocks, *, warm: tuple[type[Request], ...] = (), **settings: Any) -> Any:
    """Launches an app; `settings` are those of `gr.Blocks.launch`."""
    app.queue(default_concurrency_limit=None, max_size=2 * JOBS)
    return app.launch(
        **{
            **look(Middleware(WarmUpMiddleware, tasks=warm)),
            "max_threads": JOBS,
            "state_session_capacity": 500,
            "share": False,
            "quiet": True,
            **settings,
        }
    )


def mount(server: Any, app: gr.Blocks) -> Any:
    """Puts an app at the root of a FastAPI server that somebody else runs; loads no model."""
    app.max_threads = JOBS
    app.queue(default_concurrency_limit=None, max_size=2 * JOBS)
    app.state_session_capacity = 500
    return gr.mount_gradio_app(server, app, path="/", show_error=False, **look())
