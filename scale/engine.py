"""The engine of a page whose models run in replicas elsewhere."""

from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, suppress
from threading import Lock
from typing import Any

from aigc_core.bridge import run_async
from aigc_core.catalog import Catalog, Entry
from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Event, Progress
from aigc_core.fit import Fit
from aigc_core.lease import Priority
from aigc_core.tasks import Request
from aigc_core.text import Text
from scale.wire import Answering, Refused, unpack

# Seconds that a replica has to say whether a model fits; pages ask in the background.
PATIENCE = 2.0

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
        # The page's own loader loads nothing: the models page looks at this machine's disk with it.
        super().__init__(catalog, Engine.default(catalog=catalog).loader)
        self._replicas = replicas
        # By entry, what a replica said last.
        self._fits: dict[str, Fit] = {}
        self._counting = Lock()
        # Runs that each replica has taken.
        self.taken: Counter[str] = Counter()

    def fit(self, entry: Entry) -> Fit:
        """Whether a model fits the machine of a replica; this one until one has answered.

        Where all are too busy to answer, what was said last stands.
        """
        from ray.exceptions import RayError
        from ray.serve.exceptions import RayServeException

        key = entry.model_dump_json()
        with suppress(TimeoutError, RayError, RayServeException):
            self._fits[key] = self.asked_fit(entry)
        return self._fits.get(key) or super().fit(entry)

    def asked_fit(self, entry: Entry) -> Fit:
        """What a replica says of it; not to be asked within an event loop.

        Raises:
            TimeoutError: none answers.
            RayError, RayServeException: something broke there.
        """
        asking = self._replicas.options(method_name="fit")
        found: Fit = asking.remote(fields(entry)).result(timeout_s=PATIENCE)
        return found

    def run(
        self, request: Request, *, model: str | None = None, priority: Priority = "person"
    ) -> Generator[Event, None, None]:
        """As `Engine.run`, with the same events; the record is the replica's.

        Raises:
            AigcError: as there; also `ReplicaGone`, and `ReplicasBusy`.
        """
        entry = self._choose(request, model)
        progress = Progress(0, 0, WAITING)

        async def events() -> AsyncGenerator[Event, None]:
            nonlocal progress
            async with aclosing(self._events(request, entry, priority)) as stream:
                async for event in stream:
                    if isinstance(event, Progress):
                        progress = event
                    yield event

        yield from run_async(events, lambda: progress)

    async def _events(
        self, request: Request, entry: Entry, priority: Priority
    ) -> AsyncGenerator[Event, None]:
        from ray.exceptions import RayActorError
        from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

        streaming = self._replicas.options(method_name="run", stream=True)
        answer = streaming.remote(request, fields(entry), priority)
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


def fields(entry: Entry) -> dict[str, Any]:
    """An entry as replicas take it: what it has looked up since is of this process."""
    return entry.model_dump()
