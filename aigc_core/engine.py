"""The only place where request, catalog, loader and family meet."""

import platform
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from aigc_core import __version__
from aigc_core.artifact import Artifact, Record
from aigc_core.catalog import Catalog, Entry
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.events import Event, Finished, Output, Result
from aigc_core.loader import Loader, Placement
from aigc_core.tasks import Request
from aigc_core.text import Text


@dataclass(frozen=True)
class CatalogModel:
    """An entry as the loader sees it."""

    entry: Entry
    # A small network's activations: a few dozen pictures of a few hundred channels.
    activation_bytes: int = 64_000_000
    shared: bool = True

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def weight_bytes(self) -> int:
        # Whatever the file holds, networks from scratch run in float32.
        return 4 * self.entry.numbers

    def load(self, placement: Placement) -> Any:
        return self.entry.module.load(self.entry, placement)


class Engine:
    """Runs requests.

    Args:
        catalog: the models on offer.
        loader: lends them out.
    """

    def __init__(self, catalog: Catalog, loader: Loader) -> None:
        self.catalog, self.loader = catalog, loader

    @classmethod
    def default(cls, *, batching: bool = True) -> "Engine":
        """An engine over the suite's catalog and this machine's devices."""
        catalog = Catalog.default()
        loader = Loader(lambda model: CatalogModel(catalog.find(model)), batching=batching)
        return cls(catalog, loader)

    def models(self, request: type[Request]) -> list[Entry]:
        """The models that answer requests of this type, the default first."""
        return self.catalog.answering(request)

    def problem(self, entry: Entry) -> Text | None:
        """Why a model cannot be used now, as far as is known without loading it."""
        failed = {
            state.id: state.reason for state in self.loader.state() if state.status == "failed"
        }
        return failed.get(entry.id) or entry.problem()

    def run(self, request: Request, *, model: str | None = None) -> Generator[Event, None, None]:
        """Answers a request: progress and previews, and the result as the last event.

        Closing the iterator ends the run within one step and gives the lease back.

        Args:
            model: an id of the catalog; by default the first that answers such requests.

        Raises:
            AigcError: the model is unknown, unavailable, or does not answer such requests.
        """
        entry = self._choose(request, model)
        answer = entry.module.ANSWERS[type(request)]
        with self.loader.ask(entry.id) as lease:
            yield from lease.waiting()
            start = time.perf_counter()
            # Closed before the lease is, whatever ends the run.
            with closing(answer(lease.model, request)) as events:
                for event in events:
                    if not isinstance(event, Finished):
                        yield event
                        continue
                    seconds = time.perf_counter() - start
                    device = lease.model.placement.device
                    yield Result(
                        tuple(
                            Artifact(
                                output.media,
                                record(request, entry, output, device, seconds),
                                output.caption,
                            )
                            for output in event.outputs
                        )
                    )

    def result(self, request: Request, *, model: str | None = None) -> Result:
        """Runs a request to its end and gives the last event."""
        for event in self.run(request, model=model):
            if isinstance(event, Result):
                return event
        raise RuntimeError(f"{request.task} ended without a result")

    def _choose(self, request: Request, model: str | None) -> Entry:
        if model is None:
            answering = self.models(type(request))
            if not answering:
                raise InvalidRequest(
                    Text("No model here can do this: {task}.", "没有模型支持此任务：{task}。"),
                    task=request.title,
                )
            return answering[0]
        entry = self.catalog.find(model)
        if problem := entry.problem():
            raise ModelUnavailable(entry.id, problem)
        if not entry.answers(type(request)):
            raise InvalidRequest(
                Text("{model} cannot do this: {task}.", "{model} 不支持此任务：{task}。"),
                model=entry.name,
                task=request.title,
            )
        return entry


def record(request: Request, entry: Entry, output: Output, device: str, seconds: float) -> Record:
    """How one output of a run was made."""
    return Record(
        task=request.task,
        request=request.model_dump(),
        model=entry.id,
        revision=entry.revision,
        seed=output.seed,
        details=output.details,
        device=device,
        software=software(),
        tolerance=output.tolerance,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 4),
    )


@cache
def software() -> dict[str, str]:
    """The versions on which a result depends."""
    return {
        "aigc": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
    }
