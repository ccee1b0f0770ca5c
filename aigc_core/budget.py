"""Memory: what a model needs, where it goes, and which one gives way to it."""

import gc
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from aigc_core import hardware
from aigc_core.errors import DoesNotFit
from aigc_core.hardware import Device

logger = logging.getLogger(__name__)

RESERVE = 400_000_000
MARGIN = 1.1

OUT_OF_MEMORY = (
    "can't allocate memory",  # torch on a CPU under Linux and macOS
    "not enough memory",  # and under Windows
    "out of memory",
    "invalid buffer size",  # MPS
)


def need(weights: int, activations: int) -> int:
    """Free bytes a device must show before a model is loaded on it.

    A tenth more than the weights, for what their loading takes beside them, the activations of
    one run, and 400 MB that stay free for the driver and for others.
    """
    return round(MARGIN * weights) + activations + RESERVE


def allowance(device: Device) -> int:
    """Bytes that idle models may keep there: most of its own memory, half of shared RAM."""
    return round(device.total * (0.5 if device.unified else 0.9))


def worth(load_seconds: float, uses: int, size: int, idle: float) -> float:
    """What keeping an idle model saves, per byte: the least worth gives way first.

    Args:
        load_seconds: what it took to load.
        uses: leases so far.
        size: bytes of its weights.
        idle: seconds since the last lease ended.
    """
    return (load_seconds + 0.1) * (1 + uses) / max(1, size) / (1 + idle)


def by_preference(devices: Iterable[Device]) -> list[list[Device]]:
    """Accelerators, then the CPU; in each group the freest first."""
    freest = sorted(devices, key=lambda device: -device.free)
    return [
        [device for device in freest if device.kind != "cpu"],
        [device for device in freest if device.kind == "cpu"],
    ]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: told by class names and messages, so that torch is not needed."""
    if isinstance(error, MemoryError):
        return True
    if any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in message for sign in OUT_OF_MEMORY)


@dataclass(eq=False)
class Resident:
    """A model's place in the books.

    Args:
        model: what was loaded; None while it is not.
        device: where it is, or is to be.
        weights: bytes.
        activations: bytes that a run takes beyond them.
        refs: leases in use.
        uses: leases so far.
        last_use: when the last lease ended, or the load.
        load_seconds: what the load took.
    """

    id: str
    model: Any = None
    device: Device | None = None
    weights: int = 0
    activations: int = 0
    refs: int = 0
    uses: int = 0
    last_use: float = 0.0
    load_seconds: float = 0.0

    @property
    def pool(self) -> str | None:
        """The memory that it takes; None while it is not loaded."""
        return self.device.pool if self.device and self.model is not None else None


R = TypeVar("R", bound=Resident)


class Residents(Generic[R]):
    """The models in memory: finds room for new ones and keeps idle ones within their allowance.

    Models in use and pinned ones are never unloaded. The arguments are those of `Loader`.

    Attributes:
        changed: guards the books; its holder must not unload anything.
        entries: the books, models that are not loaded among them.
        pinned: ids that stay until the end.
        closed: from now on nothing idle stays.
    """

    def __init__(
        self,
        devices: Callable[[], Sequence[Device]],
        allowance: Callable[[Device], int],
        clock: Callable[[], float],
    ) -> None:
        self.changed = threading.Condition(threading.Lock())
        self.entries: dict[str, R] = {}
        self.pinned: set[str] = set()
        self.closed = False
        self._devices = devices
        self._allowance = allowance
        self._allowed: dict[str, int] = {}
        self._clock = clock
        # Placing and unloading exclude each other: what has left the books has left the memory.
        # Taken before `changed`, and never inside the construction gate, for a model may have to
        # finish a step before it closes.
        self._room = threading.Lock()

    def place(self, id: str, need: int) -> Device:
        """The best device with room, made by unloading idle models where that is enough.

        Accelerators come before the CPU, and the freest before the others.

        Raises:
            DoesNotFit: there is none, even without the idle models.
        """
        with self._room:
            for group in by_preference(self._measure()):
                for device in group:
                    if device.free >= need:
                        return device
                for device in group:
                    if self._make_room(device, need):
                        return device
            free = [d.free + self._idle_bytes(d.pool) for d in self._measure()]
        raise DoesNotFit(id, need, max(free, default=0))

    def free(self) -> int:
        """Bytes free on the freest device."""
        return max((device.free for device in self._measure()), default=0)

    def clear(self, pool: str) -> None:
        """Unloads every idle model from one memory."""
        with self._room:
            while victim := self._cheapest(pool):
                self._unload(victim)

    def evict(self, id: str) -> bool:
        """Unloads a model; False if it is in use, pinned or not loaded."""
        with self._room:
            with self.changed:
                entry = self.entries.get(id)
            return entry is not None and self._unload(entry)

    def settle(self, pool: str) -> None:
        """Unloads idle models until those in one memory are within their allowance."""
        if self._over(pool):
            with self._room:
                while self._over(pool) and (victim := self._cheapest(pool)):
                    self._unload(victim)

    def close(self) -> None:
        """Unloads what is idle; the rest goes when its pool is next settled."""
        with self.changed:
            self.closed = True
            pools = {entry.pool for entry in self.entries.values()}
        for pool in pools:
            if pool is not None:
                self.settle(pool)

    def _make_room(self, device: Device, need: int) -> bool:
        """Unloads idle models until there is room; none if all would not be enough."""
        if device.free + self._idle_bytes(device.pool) < need:
            return False
        while victim := self._cheapest(device.pool):
            self._unload(victim)
            if any(d.id == device.id and d.free >= need for d in self._measure()):
                return True
        return False

    def _measure(self) -> list[Device]:
        """The devices, none with more free than the books say.

        Mapped weights take their memory at the first run only, and models in use will want theirs
        for activations: the device knows of neither yet.
        """
        devices = self._devices()
        booked: Counter[str] = Counter()
        with self.changed:
            for device in devices:
                most = self._allowed.get(device.pool, 0)
                self._allowed[device.pool] = max(most, self._allowance(device))
            for entry in self.entries.values():
                if entry.pool is not None:
                    activations = entry.activations if entry.refs else 0
                    booked[entry.pool] += entry.weights + activations
        return [replace(d, free=max(0, min(d.free, d.total - booked[d.pool]))) for d in devices]

    def _over(self, pool: str) -> bool:
        return self.closed or self._idle_bytes(pool) > self._allowed.get(pool, 0)

    def _idle_bytes(self, pool: str) -> int:
        with self.changed:
            return sum(entry.weights for entry in self._idle(pool))

    def _cheapest(self, pool: str) -> R | None:
        """The idle model that is the least loss."""
        with self.changed:
            now = self._clock()
            return min(
                self._idle(pool),
                key=lambda e: worth(e.load_seconds, e.uses, e.weights, now - e.last_use),
                default=None,
            )

    def _idle(self, pool: str) -> list[R]:
        return [e for e in self.entries.values() if e.pool == pool and self._may_go(e)]

    def _may_go(self, entry: R) -> bool:
        pinned = entry.id in self.pinned and not self.closed
        return entry.model is not None and not entry.refs and not pinned

    def _unload(self, entry: R) -> bool:
        """Closes a model, unless somebody has taken it meanwhile."""
        with self.changed:
            if self.entries.get(entry.id) is not entry or not self._may_go(entry):
                return False
            del self.entries[entry.id]
            model, entry.model = entry.model, None
        try:
            model.close()
        except Exception:
            logger.exception("closing %s failed", entry.id)
        del model
        gc.collect()
        hardware.trim()
        return True
