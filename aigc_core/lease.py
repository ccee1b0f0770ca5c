"""The right to use a loaded model, while it lasts."""

import random
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from aigc_core.budget import Resident
from aigc_core.errors import DoesNotFit
from aigc_core.events import Progress
from aigc_core.fetches import Watch
from aigc_core.fit import Option
from aigc_core.footprint import RUNGS
from aigc_core.status import Standing
from aigc_core.text import Text

Priority = Literal["person", "batch"]

AGING = 60.0  # seconds after which a batch counts as a person

YIELDING = Text("Waiting for memory that others use", "等待其他任务释放内存")


class Lender(Protocol):
    """What leases ask of their loader."""

    patience: float

    def ask(self, id: str, *, priority: Priority, group: "Together | None") -> "Lease":
        """A lease of a model."""

    def wait(self, lease: "Lease", seconds: float) -> Progress | None:
        """Waits a while; None once the lease is ready, else what it waits for."""

    def begin(self, lease: "Lease") -> None:
        """Makes room for the run of a lease that has become ready."""

    def relieve(self, lease: "Lease") -> None:
        """As `Lease.relieve`."""

    def step_down(self, lease: "Lease") -> Text | None:
        """As `Lease.step_down`."""

    def lose(self, lease: "Lease") -> None:
        """As `Lease.lost`."""

    def release(self, lease: "Lease") -> None:
        """As `Lease.close`."""


class Crowded(DoesNotFit):
    """No room now, and nobody will make any while this one holds what it has."""


@dataclass(eq=False)
class Entry(Resident):
    """One load of a model, and those who wait for it or for their turn.

    Args:
        key: name and version of the model.
        loadable: the model, to be loaded once more.
        estimate: bytes that a usual run takes beyond the weights, in float32, uncorrected.
        after: the rank of the way to hold it that proved too large; -1 for none.
        stepped: it is held in a smaller way because a run took too much, not the load.
        below: the smaller ways to hold it than the one taken.
        watch: over its download, while there is one.
    """

    shared: bool = False
    key: str = ""
    loadable: Any = None
    estimate: int = 0
    status: Standing = "waiting"
    reason: Text | None = None
    progress: Progress | None = None
    after: int = -1
    stepped: bool = False
    below: tuple[Option, ...] = ()
    queue: "list[Lease]" = field(default_factory=list)
    holders: "set[Lease]" = field(default_factory=set)
    watch: Watch | None = None

    def ranked(self, now: float) -> "list[Lease]":
        """Those who wait, the next first."""
        return sorted(self.queue, key=lambda lease: lease.rank(now))

    def serve(self, now: float) -> None:
        """Hands the model, once loaded, to those whose turn it is; the books' lock is held."""
        while self.model is not None and self.queue and (self.shared or not self.refs):
            lease = self.ranked(now)[0]
            self.queue.remove(lease)
            lease._model = self.model
            self.holders.add(lease)
            self.refs += 1
            self.uses += 1

    def take_back(self, lease: "Lease", now: float) -> None:
        """Takes the model of a lease back, or its place in the queue; the books' lock is held."""
        if lease in self.holders:
            self.holders.discard(lease)
            self.refs -= 1
            self.last_use = now
        elif lease in self.queue:
            self.queue.remove(lease)
            if not self.queue and self.watch is not None:
                self.watch.close()


class Lease:
    """A place in the queue for a model, then the right to use it, until closed.

    Attributes:
        group: of the leases that are taken together, of which this is one.
    """

    def __init__(
        self,
        loader: Lender,
        entry: Entry,
        *,
        priority: Priority = "person",
        activations: int = 0,
        number: int = 0,
        asked: float = 0.0,
        group: "Together | None" = None,
    ) -> None:
        self.group = group
        self.activations = activations
        self._loader = loader
        self._entry = entry
        self._priority = priority
        self._number = number
        self._asked = asked
        self._model: Any = None
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._closed = False

    @property
    def model(self) -> Any:
        """The loaded model, once `waiting` has ended and until the lease is closed."""
        if self._model is None:
            raise RuntimeError("the lease is not ready, or was closed")
        return self._model

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self._closed or self._model is not None or self._error is not None

    @property
    def progressing(self) -> bool:
        """Whether whoever holds it has all they need, and so will give it back one day."""
        return self.group is None or self.group.complete

    @property
    def holding(self) -> bool:
        """Whether other models are held while this one is waited for."""
        return self.group is not None and self.group.holding

    def rank(self, now: float) -> tuple[int, int]:
        """Persons before batches that do not wait too long yet, then whoever asked first."""
        later = self._priority == "batch" and now - self._asked < AGING
        return int(later), self._number

    def waiting(self, poll: float = 0.05) -> Iterator[Progress]:
        """Yields every `poll` seconds until the model is ready; nothing if it is ready already.

        Raises:
            DoesNotFit: no device has the memory, even without the idle models.
            AigcError: the model cannot be fetched or loaded; the sentence says why.
            Cancelled: the lease was closed.
            Exception: the load failed through a bug.
        """
        while (progress := self._loader.wait(self, poll)) is not None:
            yield progress
        self._loader.begin(self)

    @property
    def how(self) -> Text:
        """How the model is held, once the lease is ready."""
        option = self._entry.option
        return option.how if option else RUNGS["full"]

    def relieve(self) -> None:
        """Unloads idle models from the memory of this one, and returns what can be returned."""
        self._loader.relieve(self)

    def step_down(self) -> Text | None:
        """Gives the model back and asks for it in the next smaller way to hold it.

        Returns:
            what the next way may be in words; None where there is none, and nothing changed.
            After it, `waiting` is to be gone through again.
        """
        return self._loader.step_down(self)

    def lost(self) -> None:
        """Tells that the device has failed for good: nothing is loaded there any more."""
        self._loader.lose(self)

    def close(self) -> None:
        """Gives the model back, or the place in the queue; again does nothing."""
        self._loader.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Together:
    """Several models at once, without deadlock.

    Each is taken in one order that holds for everybody, so nobody waits in a circle for turns.
    Where memory would be waited for in a circle, one gives back what it has and begins anew.
    """

    def __init__(self, loader: Lender, ids: Sequence[str], priority: Priority) -> None:
        self._loader, self._ids, self._priority = loader, ids, priority
        self._leases: dict[str, Lease] = {}
        self.complete = False

    @property
    def holding(self) -> bool:
        """Whether it has one of them already."""
        return any(lease._model is not None for lease in list(self._leases.values()))

    @property
    def models(self) -> tuple[Any, ...]:
        """The loaded models in the order asked for."""
        return tuple(self._leases[id].model for id in self._ids)

    def waiting(self, poll: float = 0.05) -> Generator[Progress, None, None]:
        """Yields until all are ready; raises as `Lease.waiting`."""
        deadline = time.monotonic() + self._loader.patience
        while True:
            try:
                for id in sorted(set(self._ids)):
                    lease = self._loader.ask(id, priority=self._priority, group=self)
                    self._leases[id] = lease
                    yield from lease.waiting(poll)
                self.complete = True
                return
            except Crowded:
                self.close()
                if time.monotonic() > deadline:
                    raise
            yield Progress(0, 0, YIELDING)
            time.sleep(random.uniform(0, 2 * poll))  # noqa: S311

    def close(self) -> None:
        """Gives all of them back."""
        self.complete = False
        for lease in self._leases.values():
            lease.close()
        self._leases.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
