"""The only place where request, catalog, loader and family meet."""

import os
import platform
import time
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

from aigc_core import __version__
from aigc_core.artifact import Artifact, Record
from aigc_core.catalog import Catalog, Entry
from aigc_core.catalog_model import CatalogModel
from aigc_core.data.source import cache_folder
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.events import Event, Finished, Output, Result
from aigc_core.fit import Fit
from aigc_core.ladder import Attempt, answered
from aigc_core.lease import Priority
from aigc_core.limits import limits
from aigc_core.loader import Loader
from aigc_core.peaks import Peaks
from aigc_core.placement import Placement
from aigc_core.tasks import Request, brief
from aigc_core.text import Text

IDLE = Text(
    "AIGC_IDLE_MINUTES must be a number above 0; “{given}” is not.",
    "AIGC_IDLE_MINUTES 必须是大于 0 的数，而不是“{given}”。",
)


class Engine:
    """Runs requests.

    Args:
        catalog: the models on offer.
        loader: lends them out.
    """

    def __init__(self, catalog: Catalog, loader: Loader) -> None:
        self.catalog, self.loader = catalog, loader

    @classmethod
    def default(cls, *, batching: bool = True, catalog: Catalog | None = None) -> "Engine":
        """An engine over this machine's devices, and by default the suite's catalog."""
        catalog = catalog or Catalog.default()
        limits()  # What the host has set is read at the start, not at somebody's click.
        loader = Loader(
            lambda model: CatalogModel(catalog.find(model)),
            batching=batching,
            idle_seconds=idle_seconds(),
            peaks=Peaks(cache_folder() / "activations.json"),
        )
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

    def fit(self, entry: Entry) -> Fit:
        """Whether a model fits this machine, and how; asked before any load, starts no driver."""
        known = entry.id in self.catalog.entries
        return self.loader.fit(entry.id if known else CatalogModel(entry))

    def run(
        self,
        request: Request,
        *,
        model: str | None = None,
        priority: Priority = "person",
    ) -> Generator[Event, None, None]:
        """Answers a request: progress and previews, and the result as the last event.

        Closing the iterator ends the run within one step and gives the lease back.

        Args:
            model: an id of the catalog; by default the first that answers such requests.
            priority: whether somebody waits for it, or it is one of many.

        Raises:
            AigcError: the model is unknown, unavailable, or does not answer such requests.
        """
        entry = self._choose(request, model)
        attempt = Attempt(request)
        with self.loader.ask(
            entry.id, priority=priority, activations=activations(entry, request)
        ) as lease:
            yield from lease.waiting()
            start = time.perf_counter()
            with closing(answered(lease, entry.module, entry.id, attempt)) as events:
                for event in events:
                    if not isinstance(event, Finished):
                        yield event
                        continue
                    seconds = time.perf_counter() - start
                    place = lease.model.placement
                    yield Result(
                        tuple(
                            Artifact(
                                output.media,
                                record(attempt, entry, output, place, seconds),
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


def activations(entry: Entry, request: Request) -> int:
    """Bytes in float32 that a run takes beyond the weights, as its family estimates; else 0."""
    estimate = getattr(entry.module, "activation_bytes", None)
    return int(estimate(entry, request)) if estimate and entry.origin != "remote" else 0


def idle_seconds() -> float | None:
    """After how long idle models are unloaded: `AIGC_IDLE_MINUTES`, by default never.

    Raises:
        InvalidRequest: it is not a number above 0.
    """
    said = os.environ.get("AIGC_IDLE_MINUTES", "")
    if not said:
        return None
    try:
        minutes = float(said)
    except ValueError:
        minutes = 0
    if not 0 < minutes < float("inf"):
        raise InvalidRequest(IDLE, given=brief(said))
    return 60 * minutes


def record(
    attempt: Attempt, entry: Entry, output: Output, place: Placement, seconds: float
) -> Record:
    """How one output of a run was made."""
    request = attempt.request
    details = dict(output.details)
    if entry.origin == "hub":
        details |= {"dtype": place.dtype, "held": place.rung}
    if attempt.lessened:
        details["lessened"] = [how.en for how in attempt.lessened]
    return Record(
        task=request.task,
        request=request.model_dump(),
        model=entry.id,
        revision=entry.revision,
        seed=output.seed,
        details=details,
        device=place.device,
        software=software(entry.origin),
        tolerance=output.tolerance,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 4),
    )


@cache
def software(origin: str) -> dict[str, str]:
    """The versions on which a result of a model of this origin depends."""
    libraries = ("torch", "transformers", "diffusers") if origin == "hub" else ("torch",)
    return {
        "aigc": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
    }
