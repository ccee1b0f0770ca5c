"""An entry of the catalog as the loader sees it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aigc_core.catalog import Entry
from aigc_core.footprint import Part, Rung
from aigc_core.hub import snapshot
from aigc_core.hub.transfer import Report
from aigc_core.hub.use import note_use, using
from aigc_core.placement import Placement

# A small network's activations: a few dozen pictures of a few hundred channels.
SMALL = 64_000_000


@dataclass(frozen=True)
class CatalogModel:
    """What the loader asks of a model, answered by its entry and its family."""

    entry: Entry

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def key(self) -> str:
        return f"{self.entry.id}@{self.entry.revision}"

    @property
    def shared(self) -> bool:
        return bool(getattr(self.entry.module, "SHARED", True))

    @property
    def rungs(self) -> Sequence[Rung]:
        found: Sequence[Rung] = getattr(self.entry.module, "RUNGS", ("full",))
        return found

    def here(self) -> bool:
        return self.entry.origin != "hub" or snapshot.local(self.entry.source) is not None

    def fetch(self, report: Report) -> None:
        with using(self.entry.source):
            snapshot.fetch(self.entry.source, report)

    def parts(self) -> tuple[Part, ...]:
        if self.entry.origin == "scratch":
            return (Part("", self.entry.numbers),)
        if self.entry.origin != "hub":
            return ()
        folder = snapshot.local(self.entry.source)
        if folder is not None:
            from aigc_core.hub.weights import read_parts

            return read_parts(folder, self.entry.variant)
        return self.entry.parts

    def activation_bytes(self) -> int:
        if self.entry.origin == "remote":
            return 0
        estimate = getattr(self.entry.module, "activation_bytes", None)
        return int(estimate(self.entry, None)) if estimate else SMALL

    def load(self, placement: Placement, step: Callable[[], None]) -> Any:
        if self.entry.origin != "hub":
            return self.entry.module.load(self.entry, placement, step)
        with using(self.entry.source):
            model = self.entry.module.load(self.entry, placement, step)
            note_use(self.entry.source)
        return model
