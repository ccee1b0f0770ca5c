"""The suite as a Ray Serve application: one page deployment, and a model deployment of replicas.

    browser -> Page (Gradio, one replica) -> Model (Engine.run, as many replicas as you like)

The page is one replica, since a visitor's session lives in its process; it needs no accelerator.
`serve run scale.deployments:build replicas=4` deploys it to a cluster that is there.
"""

import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve.handle import DeploymentHandle

from aigc_core.bridge import to_the_end
from aigc_core.catalog import Entry
from aigc_core.errors import AigcError
from aigc_core.fit import Fit
from aigc_core.lease import Priority
from aigc_core.tasks import Request
from scale.wire import Answering, Refused, pack


class Settings(BaseModel):
    """How many replicas there are, and what each takes.

    Args:
        replicas: of the models.
        cpus: cores that Ray sets aside for a replica of the models.
        gpus: accelerators of a replica; a part of one is shared with others.
        at_once: runs that a replica takes at the same time; small models batch them.
        waiting: runs that may wait for a replica; more are refused in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicas: int = Field(default=2, ge=1)
    cpus: float = Field(default=1.0, ge=0)
    gpus: float = Field(default=0.0, ge=0)
    at_once: int = Field(default=8, ge=1)
    waiting: int = Field(default=400, ge=1)


@serve.deployment
class Model:
    """Answers requests with an engine of its own: every replica loads the models it is asked for.

    Args:
        warm: names of tasks whose default model is loaded at the start.
    """

    def __init__(self, warm: tuple[str, ...] = ()) -> None:
        from aigc_core import default_engine

        self.engine = default_engine()
        self.name = serve.get_replica_context().replica_id.unique_id
        threading.Thread(target=self._warm, args=(warm,), name="warm-up", daemon=True).start()

    async def run(
        self, request: Request, entry: dict[str, Any], priority: Priority
    ) -> AsyncGenerator[bytes, None]:
        """The packed words of a run; cancelling it ends the run within one step."""
        yield pack(Answering(self.name))
        events = self.engine.run(request, model=self._known(entry).id, priority=priority)
        try:
            while (event := await to_the_end(next, events, None)) is not None:
                yield pack(event)
        except AigcError as error:
            yield pack(Refused.of(error))
        finally:
            await to_the_end(events.close)

    def fit(self, entry: dict[str, Any]) -> Fit:
        """Whether a model fits this machine."""
        return self.engine.fit(self._known(entry))

    def _known(self, fields: dict[str, Any]) -> Entry:
        """The entry in our catalog, which gets it where the page's has learned of it later."""
        catalog = self.engine.catalog
        if fields["id"] not in catalog.entries:
            catalog.add(Entry(**fields))
        return catalog.find(fields["id"])

    def _warm(self, tasks: tuple[str, ...]) -> None:
        from aigc_core.tasks import find

        for entry in {e.id: e for task in tasks for e in self.engine.models(find(task))[:1]}:
            # A model that fails says why when it is asked for.
            with suppress(AigcError), self.engine.loader.lease(entry):
                pass


@serve.deployment
@serve.ingress()
class Page:
    """The suite's pages. `/replicas` says how many runs each replica has taken."""

    def __init__(self, models: DeploymentHandle) -> None:
        import aigc_core
        from aigc_core.catalog import Catalog
        from scale.engine import ReplicaEngine

        self.engine = ReplicaEngine(Catalog.default(), models)
        aigc_core.use(self.engine)

    def __serve_build_asgi_app__(self) -> Any:
        from fastapi import FastAPI

        from apps.suite import build
        from apps.ui.serve import mount

        app = FastAPI(openapi_url=None)

        @app.get("/replicas")
        def replicas() -> dict[str, int]:
            return dict(self.engine.taken)

        return mount(app, build())


def build(settings: Settings) -> Any:
    """The application, to be given to `serve.run`."""
    from apps.suite import FIRST

    resources = {"num_cpus": settings.cpus, "num_gpus": settings.gpus}
    models = Model.options(  # type: ignore[attr-defined]
        num_replicas=settings.replicas,
        max_ongoing_requests=settings.at_once,
        max_queued_requests=settings.waiting,
        ray_actor_options=resources,
        graceful_shutdown_timeout_s=5,
    ).bind(tuple(task.task for task in FIRST))
    return Page.options(  # type: ignore[attr-defined]
        num_replicas=1,
        max_ongoing_requests=1000,
        ray_actor_options={"num_cpus": 0.1},
        graceful_shutdown_timeout_s=5,
    ).bind(models)
