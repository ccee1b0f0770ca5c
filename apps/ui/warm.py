"""The models get ready once the first page is served, so that the first click need not wait."""

import logging
import threading
from typing import Any

from aigc_core import default_engine
from aigc_core.errors import AigcError
from aigc_core.tasks import Request

log = logging.getLogger(__name__)


class WarmUpMiddleware:
    """Loads the default model of each task, in a thread, after the first HTML page went out."""

    def __init__(self, app: Any, tasks: tuple[type[Request], ...]) -> None:
        self.app, self.tasks = app, tasks
        self.started = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)
        if not self.started and scope["type"] == "http" and scope["method"] == "GET":
            self.started = True
            threading.Thread(target=warm, args=(self.tasks,), name="warm-up", daemon=True).start()


def warm(tasks: tuple[type[Request], ...]) -> None:
    """Leases each task's default model once. A model that fails says why when it is asked for."""
    engine = default_engine()
    for model in {entry.id for task in tasks for entry in engine.models(task)[:1]}:
        try:
            with engine.loader.lease(model):
                pass
        except AigcError as error:
            log.warning("%s", error)
