"""Memory: where a model goes, which one gives way to it, and what comes back."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from aigc_core.errors import DoesNotFit
from aigc_core.fit import Option, has_room, room
from aigc_core.freeing import collect
from aigc_core.guard import Guard
from aigc_core.hardware import Device
from aigc_core.log import note

logger = logging.getLogger(__name__)


def worth(load_seconds: float, uses: int, size: int, idle: float) -> float:
    """What keeping an idle model saves, per byte: the least worth gives way first.

    Args:
        load_seconds: what it took to load.
        uses: leases so far.
        size: bytes of its weights.
        idle: seconds since the last lease ended.
    """
    return (load_seconds + 0.1) * (1 + uses) / max(1, size) / (1 + idle)


class NoRoom(Exception):
    """No way to hold the model fits now.

    Args:
        needs: bytes that the smallest way needs.
        free: of these, bytes that are free, idle models counted.
        later: whether it would fit once models in use are idle.
    """

    def __init__(self, needs: int, free: int, later: bool) -> None:
        super().__init__()
        self.needs, self.free, self.later = needs, free, later

    def refusal(self, id: str) -> DoesNotFit:
        return DoesNotFit(id, self.needs, self.free)


@dataclass(eq=False)
class Resident:
    """A model's place in the books.

    Args:
        model: what was loaded; None while it is not.
        option: how it is held, or is to be.
        refs: leases in use.
        uses: leases so far.
        last_use: when the last lease ended, or the load.
        load_seconds: what the load took.
    """

    id: str
    model: Any = None
    option: Option | None = None
    refs: int = 0
    uses: int = 0
    last_use: float = 0.0
    load_seconds: float = 0.0

    def bytes(self, pool: str) -> int:
        """Of its weights in one memory; 0 while it is not loaded."""
        return self.option.takes.get(pool, 0) if self.option and self.model is not None else 0

    @property
    def pools(self) -> tuple[str, ...]:
        """The memories that it takes from."""
        return tuple(self.option.takes) if self.option and self.model is not None else ()


R = TypeVar("R", bound=Resident)

Choose = Callable[[Sequence[Device]], list[list[Option]]]
"""The ways to hold a model on devices as they are now, in groups that are equally good."""


class Residents(Generic[R]):
    """The models in memory: finds room for new ones and keeps idle ones within their allowance.

    Models in use and pinned ones are never unloaded. The arguments are those of `Loader`.

    Attributes:
        changed: guards the books; its holder must not unload anything.
        entries: the books, models that are not loaded among them.
        leaving: models whose place in the books another load has taken; they go when idle.
        pinned: ids that stay until the end.
        dead: ids of devices that failed for good.
        closed: from now on nothing idle stays.
        evictions: models unloaded so far.
        guards: the locks of all this.
    """

    def __init__(
        self,
        devices: Callable[[], Sequence[Device]],
        allowance: Callable[[Device], int],
        limit: Callable[[Device], int],
        clock: Callable[[], float],
    ) -> None:
        books: Any = Guard()
        self.changed = threading.Condition(books)
        self.entries: dict[str, R] = {}
        self.leaving: list[R] = []
        self.pinned: set[str] = set()
        self.dead: set[str] = set()
        self.closed = False
        self.evictions = 0
        self._devices = devices
        self._allowance = allowance
        self._limit = limit
        self._allowed: dict[str, int] = {}
        self._clock = clock
        # Placing and unloading exclude each other: what has left the books has left the memory.
        # Taken before `changed`, and never inside the construction gate, for a model may have to
        # finish a step before it closes.
        self._room = Guard()
        self.guards = (books, self._room)

    def place(self, choose: Choose) -> Option:
        """The best way to hold a model that fits, made by unloading idle models if needed.

        Of ways that are equally good, one that fits as things are comes first.

        Raises:
            NoRoom: there is none, even without the idle models.
        """
        with self._room:
            groups = choose(self.measure())
            for group in groups:
                for option in group:
                    if self._fits(option):
                        return option
                for option in group:
                    if self._make_room(option):
                        return option
            raise self._no_room([option for group in groups for option in group])

    def measure(self, seen: Sequence[Device] | None = None) -> list[Device]:
        """The devices that work, none with more free than the books say.

        Mapped weights take their memory at the first run only, and models in use will want theirs
        for activations: the device knows of neither yet.
        """
        found = self._devices() if seen is None else seen
        devices = [device for device in found if device.id not in self.dead]
        with self.changed:
            for device in devices:
                most = self._allowed.get(device.pool, 0)
                self._allowed[device.pool] = max(most, self._allowance(device))
            booked = self._booked()
        return [
            replace(d, total=most, free=max(0, min(d.free, most - booked[d.pool])))
            for d in devices
            for most in [self._limit(d)]
        ]

    def weights(self) -> Counter[str]:
        """Bytes of weights by memory; `changed` is held."""
        return Counter(
            {pool: sum(entry.bytes(pool) for entry in self._all()) for pool in self._pools()}
        )

    def any_loaded(self) -> bool:
        """Whether there is a model; `changed` is held."""
        return any(entry.model is not None for entry in self._all())

    def idle_bytes(self, pool: str) -> int:
        """What unloading every idle model would free."""
        with self.changed:
            return sum(entry.bytes(pool) for entry in self._idle(pool))

    def free(self) -> int:
        """Bytes free on the freest device."""
        return max((device.free for device in self.measure()), default=0)

    def relieve(self, pools: Iterable[str]) -> None:
        """Unloads every idle model from some memories, and returns what can be returned."""
        with self._room:
            for pool in pools:
                while victim := self._cheapest(pool):
                    self._unload(victim)
        collect()

    def make_room(self, device: Device, bytes: int) -> None:
        """Unloads idle models until so much is free on a device, or nothing is idle."""
        with self._room:
            while self._free(device.id) < bytes and (victim := self._cheapest(device.pool)):
                self._unload(victim)
                collect()

    def evict(self, id: str) -> bool:
        """Unloads a model; False if it is in use, pinned or not loaded."""
        with self._room:
            with self.changed:
                entry = self.entries.get(id)
            gone = entry is not None and self._unload(entry)
            if gone:
                collect()
            return gone

    def settle(self, pools: Iterable[str]) -> None:
        """Unloads what is on its way out, and idle models beyond the allowance of a memory."""
        with self.changed:
            gone = [entry for entry in self.leaving if self._may_go(entry)]
        over = [pool for pool in pools if self._over(pool)]
        if not gone and not over:
            return
        with self._room:
            for entry in gone:
                self._unload(entry)
            for pool in over:
                while self._over(pool) and (victim := self._cheapest(pool)):
                    self._unload(victim)
            collect()

    def tidy(self, idle_seconds: float) -> float:
        """Unloads models that were idle for so long; seconds until the next may be."""
        with self.changed:
            now = self._clock()
            idle = [entry for pool in self._pools() for entry in self._idle(pool)]
            old = {entry for entry in idle if now - entry.last_use >= idle_seconds}
            left = [idle_seconds - (now - entry.last_use) for entry in idle if entry not in old]
        if old:
            with self._room:
                for entry in old:
                    self._unload(entry)
                collect()
        return min(left, default=idle_seconds)

    def close(self) -> None:
        """Unloads what is idle; the rest goes when its memory is next settled."""
        with self.changed:
            self.closed = True
            pools = self._pools()
        self.settle(pools)

    def leave(self, entry: R) -> None:
        """Takes a model out of the books, which goes once it is idle; `changed` is held."""
        del self.entries[entry.id]
        self.leaving.append(entry)

    def _pools(self) -> set[str]:
        return {pool for entry in self._all() for pool in entry.pools}

    def _all(self) -> list[R]:
        return [*self.entries.values(), *self.leaving]

    def _booked(self) -> Counter[str]:
        booked: Counter[str] = Counter()
        for entry in self._all():
            for pool in entry.pools:
                booked[pool] += entry.bytes(pool)
            if entry.refs and entry.model is not None and entry.option is not None:
                booked[entry.option.device.pool] += entry.option.activations
        return booked

    def _fits(self, option: Option) -> bool:
        return has_room(option, self.measure())

    def _free_for(self, option: Option) -> dict[str, int]:
        return room(option, self.measure())

    def _free(self, device: str) -> int:
        return next((d.free for d in self.measure() if d.id == device), 0)

    def _make_room(self, option: Option) -> bool:
        """Unloads idle models until there is room; none if all would not be enough."""
        free = self._free_for(option)
        if any(
            free.get(pool, 0) + self.idle_bytes(pool) < bytes
            for pool, bytes in option.needs.items()
        ):
            return False
        for pool, bytes in option.needs.items():
            while self._free_for(option).get(pool, 0) < bytes:
                victim = self._cheapest(pool)
                if victim is None:
                    return False
                self._unload(victim)
                collect()
        return self._fits(option)

    def _no_room(self, options: list[Option]) -> NoRoom:
        """Why nothing fits: about the way that lacks least."""
        devices = self.measure()
        idle = {device.pool: self.idle_bytes(device.pool) for device in devices}
        with self.changed:
            used = self._booked()
        lacks = []
        later = False
        for option in options:
            free = room(option, devices)
            lack = {p: b - free.get(p, 0) - idle.get(p, 0) for p, b in option.needs.items()}
            pool = max(lack, key=lambda name: lack[name])
            lacks.append((lack[pool], option.needs[pool], free.get(pool, 0) + idle.get(pool, 0)))
            # What is booked and not idle is in use, and will be idle one day.
            later |= all(lack[p] <= used[p] - idle.get(p, 0) for p in lack)
        _, needs, there = min(lacks, default=(0, 0, 0))
        return NoRoom(needs, there, later)

    def _over(self, pool: str) -> bool:
        return self.closed or self.idle_bytes(pool) > self._allowed.get(pool, 0)

    def _cheapest(self, pool: str) -> R | None:
        """The idle model that is the least loss."""
        with self.changed:
            now = self._clock()
            return min(
                self._idle(pool),
                key=lambda e: worth(e.load_seconds, e.uses, e.bytes(pool), now - e.last_use),
                default=None,
            )

    def _idle(self, pool: str) -> list[R]:
        return [e for e in self._all() if pool in e.pools and self._may_go(e)]

    def _may_go(self, entry: R) -> bool:
        kept = entry.id in self.pinned and not self.closed and entry not in self.leaving
        return entry.model is not None and not entry.refs and not kept

    def _unload(self, entry: R) -> bool:
        """Closes a model, unless somebody has taken it meanwhile; `collect` gets its memory."""
        with self.changed:
            known = entry in self.leaving or self.entries.get(entry.id) is entry
            if not known or not self._may_go(entry):
                return False
            if entry in self.leaving:
                self.leaving.remove(entry)
            else:
                del self.entries[entry.id]
            model, entry.model = entry.model, None
            self.evictions += 1
        try:
            model.close()
        except Exception:
            logger.exception("closing %s failed", entry.id)
        del model
        note(
            logger,
            "evicted",
            model=entry.id,
            pools=",".join(entry.option.takes if entry.option else ()),
        )
        with self.changed:
            self.changed.notify_all()
        return True
