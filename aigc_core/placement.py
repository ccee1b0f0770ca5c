"""Where and how a model is loaded, and what the loader expects of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aigc_core.footprint import Part, Rung
from aigc_core.gate import Gate
from aigc_core.hardware import DType
from aigc_core.hub.transfer import Report


@dataclass(frozen=True)
class Placement:
    """Where and how a model is to be loaded.

    Args:
        device: in torch's words, such as `cpu` or `cuda:0`.
        dtype: of the weights, in torch's words.
        gate: to be entered for each step of the model; it is held alone during the load.
        batching: whether requests of several visitors may share a step.
        rung: how it is to be held there.
    """

    device: str
    dtype: DType
    gate: Gate
    batching: bool
    rung: Rung = "full"


class LoadedModel(Protocol):
    """What a lease hands out."""

    def close(self) -> None:
        """Frees everything; called once, when nobody uses the model any more."""


class Loadable(Protocol):
    """A model that can be loaded; called on the loader's threads, but for `id` and `shared`."""

    @property
    def id(self) -> str:
        """Its name in the catalog."""

    @property
    def key(self) -> str:
        """Its name and version, by which measurements of it are kept."""

    @property
    def shared(self) -> bool:
        """Whether several leases may use it at once; if not, they take turns."""

    @property
    def rungs(self) -> Sequence[Rung]:
        """How it can be held on an accelerator, the quickest first."""

    def here(self) -> bool:
        """Whether all its files are on this machine."""

    def fetch(self, report: Report) -> None:
        """Brings them here; `report` tells how far it is and raises `Cancelled` to end it."""

    def parts(self) -> Sequence[Part]:
        """What it keeps in memory: read from its files, or, before they are here, as published."""

    def activation_bytes(self) -> int:
        """Bytes that a usual run takes beyond the weights at its peak, in float32."""

    def load(self, placement: Placement, step: Callable[[], None]) -> LoadedModel:
        """Builds the model; called inside the gate's `building()`.

        `step`, called between the parts of a long load, lets others go on meanwhile and raises
        `Cancelled` when nobody waits any more.
        """
