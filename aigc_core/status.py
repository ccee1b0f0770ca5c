"""What the loader tells of itself: to the interface, to the tests and to the log."""

from dataclasses import dataclass
from typing import Literal

from aigc_core.events import Progress
from aigc_core.footprint import Rung
from aigc_core.hardware import DType, Kind
from aigc_core.hub.transfer import Transfer
from aigc_core.text import Text

Standing = Literal["fetching", "waiting", "loading", "ready", "failed"]


@dataclass(frozen=True)
class DeviceState:
    """A device and what stands on it.

    Args:
        id: in torch's words.
        name: as the maker calls it.
        total: bytes of memory.
        free: bytes that a new model may take.
        models_bytes: of the weights that the loader keeps there.
        pool: the memory it draws on; devices that share one have the same.
        dead: it failed in a way that only a new process mends, and is not used any more.
    """

    id: str
    kind: Kind
    name: str
    total: int
    free: int
    models_bytes: int
    pool: str
    dead: bool = False


@dataclass(frozen=True)
class ModelState:
    """A model as the loader knows it.

    Args:
        reason: why the last load failed; None unless it did.
        device: where it is, in torch's words; None while that is not decided.
        dtype: of its weights; None while that is not decided.
        rung: how it is held.
        bytes: of its weights on the device; 0 while unknown.
        host_bytes: of its weights in RAM beside the device.
        refs: leases in use.
        waiting: leases that wait for the load or for their turn.
        uses: leases handed out since it was loaded.
        last_use: when the last lease ended (or the load, before that), by the loader's clock.
        load_seconds: what the load took.
        pinned: it stays until the loader closes.
        progress: of its download or load; None once it is ready.
    """

    id: str
    status: Standing
    reason: Text | None = None
    device: str | None = None
    dtype: DType | None = None
    rung: Rung = "full"
    bytes: int = 0
    host_bytes: int = 0
    refs: int = 0
    waiting: int = 0
    uses: int = 0
    last_use: float = 0.0
    load_seconds: float = 0.0
    pinned: bool = False
    progress: Progress | None = None


@dataclass(frozen=True)
class FetchState:
    """A download under way."""

    id: str
    transfer: Transfer


@dataclass(frozen=True)
class Counts:
    """What happened since the loader was made.

    Args:
        hits: leases of a model that was there already.
        loads: models loaded.
        failures: loads that failed.
        evictions: models unloaded, for room or after their idle time.
        cancelled: loads and downloads that nobody waited for any more.
        out_of_memory: times that memory ran out, at a load or in a run.
    """

    hits: int = 0
    loads: int = 0
    failures: int = 0
    evictions: int = 0
    cancelled: int = 0
    out_of_memory: int = 0


@dataclass(frozen=True)
class Status:
    """Everything at one moment."""

    devices: tuple[DeviceState, ...]
    models: tuple[ModelState, ...]
    fetches: tuple[FetchState, ...]
    counts: Counts
