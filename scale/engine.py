"""The engine of a page whose models run in replicas elsewhere."""

from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from threading import Lock
from typing import Any

from aigc_core.bridge import run_async
from aigc_core.catalog import Catalog
from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Event, Progress
from aigc_core.loader import Loader
from aigc_core.tasks import Request
from aigc_core.text import Text
from scale.wire import Answering, Refused, unpack

WAITING = Text("waiting for a free machine", "正在等待空闲的机器")


class ReplicaGone(AigcError):
    """The process that worked on a run ended, or its machine did."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                "The machine that worked on this went away. Please try again: another one takes "
                "its place.",
                "处理此任务的机器已离线。请重试：会由另一台接手。",
            )
        )


class ReplicasBusy(AigcError):
    """As many runs wait for the replicas as may."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                "All machines are busy, and too many runs wait already. Please try again in a "
                "minute.",
                "所有机器都在忙，等待的任务已过多。请过一分钟再试。",
            )
        )


class ReplicaEngine(Engine):
    """`Engine.run` in whichever replica has the least to do; requests are still checked here.

    Args:
        catalog: the one that the replicas have.
        replicas: a Ray Serve handle of `scale.deployments.Model`.
    """

    def __init__(self, catalog: Catalog, replicas: Any) -> None:
        super().__init__(catalog, Loader(catalog.find, batching=False))
        self._replicas = replicas.options(method_name="run", stream=True)
        self._counting = Lock()
        # Runs that each replica has taken.
        self.taken: Counter[str] = Counter()

    def run(self, request: Request, *, model: str | None = None) -> Generator[Event, None, None]:
        """As `Engine.run`, with the same events; the record is the replica's.

        Raises:
            AigcError: as there; also `ReplicaGone`, and `ReplicasBusy`.
        """
        entry = self._choose(request, model)
        progress = Progress(0, 0, WAITING)

        async def events() -> AsyncGenerator[Event, None]:
            nonlocal progress
            async with aclosing(self._events(request, entry.id)) as stream:
                async for event in stream:
                    if isinstance(event, Progress):
                        progress = event
                    yield event

        yield from run_async(events, lambda: progress)

    async def _events(self, request: Request, model: str) -> AsyncGenerator[Event, None]:
        from ray.exceptions import RayActorError
        from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

        answer = self._replicas.remote(request, model)
        try:
            async for packed in answer:
                word = unpack(packed)
                if isinstance(word, Refused):
                    raise word.error()
                if isinstance(word, Answering):
                    with self._counting:
                        self.taken[word.replica] += 1
                else:
                    yield word
        except (RayActorError, DeploymentUnavailableError) as error:
            raise ReplicaGone from error
        except BackPressureError as error:
            raise ReplicasBusy from error
        finally:
            answer.cancel()
