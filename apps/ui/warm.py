"""The models get ready once the first page is served, so that the first click need not wait."""

import logging
import os
import threading
from typing import Any

from aigc_core import default_engine
from aigc_core.errors import AigcError
from aigc_core.tasks import Request

log = logging.getLogger(__name__)


class WarmUpMiddleware:
    """Loads the default model of each task, in a thread, after the first HTML page went out.

    Gradio asks its own server for other things while it starts; those do not count.
    """

    def __init__(self, app: Any, tasks: tuple[type[Request], ...]) -> None:
        self.app, self.tasks = app, tasks
        self.started = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.started or scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        page = False

        async def watch(message: dict[str, Any]) -> None:
            nonlocal page
            if message["type"] == "http.response.start":
                content = dict(message["headers"]).get(b"content-type", b"")
                page = content.startswith(b"text/html")
            await send(message)

        await self.app(scope, receive, watch)
        if page and not self.started:
            self.started = True
            threading.Thread(target=warm, args=(self.tasks,), name="warm-up", daemon=True).start()


def pinned() -> list[str]:
    """The models that the host wants to stay in memory: `AIGC_PIN="sd-turbo,qwen3-0.6b"`."""
    said = os.environ.get("AIGC_PIN", "")
    return [model for part in said.split(",") if (model := part.strip())]


def warm(tasks: tuple[type[Request], ...]) -> None:
    """Pins what the host wants pinned, then leases each task's default model once.

    A model that fails says why when it is asked for.
    """
    engine = default_engine()
    for model in pinned():
        try:
            engine.loader.pin(model)
        except AigcError as error:
            log.warning("%s", error)
    for model in {entry.id for task in tasks for entry in engine.models(task)[:1]}:
        try:
            with engine.loader.lease(model):
                pass
        except AigcError as error:
            log.warning("%s", error)
