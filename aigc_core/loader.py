"""Loaded models: one of each, in the best place there is, lent out and taken back.

A lease is the right to use a loaded model. Whoever asks first starts the load, in a thread of its
own; whoever asks meanwhile waits for the same one. Models in use stay; idle ones stay too while
there is room, and the cheapest to lose gives way first.

Nothing here belongs to a thread: a lease may be opened on one, waited for on others and closed on
yet another, which is how generators are driven behind a web server.
"""

import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from aigc_core import hardware, limits
from aigc_core.budget import Residents
from aigc_core.building import LOOK, Builder, Ways
from aigc_core.errors import Cancelled, ModelUnavailable, reason
from aigc_core.events import Progress
from aigc_core.fetches import Fetches, told
from aigc_core.fit import Fit, below, in_dtype
from aigc_core.gate import PROCESS, Gate
from aigc_core.hardware import Device
from aigc_core.lease import Entry, Lease, Priority, Together
from aigc_core.log import note
from aigc_core.observer import Observer
from aigc_core.peaks import Peaks
from aigc_core.placement import Loadable, LoadedModel
from aigc_core.status import Counts, ModelState, Status
from aigc_core.text import Text
from aigc_core.tidier import Tidier

logger = logging.getLogger(__name__)

NEXT = Text("{model} waits to be loaded", "{model} 等待加载")
QUEUED = Text("Waiting: {ahead} ahead", "排队中：前面还有 {ahead} 个")
CLOSING = Text("the server is shutting down.", "服务正在关闭。")


class Loader:
    """Lends loaded models.

    Args:
        find: the loadable with this id; raises an AigcError where there is none.
        devices: measures the devices, freshly at each call.
        allowance: bytes that idle models may keep on a device; those on devices that share a
            memory share the largest of their allowances.
        limit: bytes that all models together may take on a device.
        batching: handed on to the models.
        gate: taken alone for each load.
        clock: seconds that only grow.
        idle_seconds: idle models are unloaded after so long; None keeps them while there is room.
        patience: seconds that a load waits for models in use to end.
        peaks: what runs took before, and will take.
    """

    def __init__(
        self,
        find: Callable[[str], Loadable],
        *,
        devices: Callable[[], Sequence[Device]] = hardware.devices,
        allowance: Callable[[Device], int] = limits.allowance,
        limit: Callable[[Device], int] = limits.limit,
        batching: bool = True,
        gate: Gate = PROCESS,
        clock: Callable[[], float] = time.monotonic,
        idle_seconds: float | None = None,
        patience: float = 600.0,
        peaks: Peaks | None = None,
    ) -> None:
        self.patience = patience
        self._find = find
        self._clock = clock
        self._peaks = peaks or Peaks()
        self._residents = Residents[Entry](devices, allowance, limit, clock)
        self._changed = self._residents.changed
        self._fetches = Fetches()
        self._builder = Builder(
            self._residents,
            self._fetches,
            self._peaks,
            lost=self._bury,
            batching=batching,
            gate=gate,
            clock=clock,
            patience=patience,
        )
        self._numbers = itertools.count()
        self._counts: Counter[str] = Counter()
        self._observer = Observer(self._residents, self._fetches, self._peaks, devices)
        self._tidier = Tidier(self._residents, idle_seconds)
        self._guards = (*self._residents.guards, self._peaks.guard)

    @contextmanager
    def lease(self, id: str, *, priority: Priority = "person") -> Iterator[Any]:
        """Waits for the model and lends it while the `with` lasts; raises as `Lease.waiting`."""
        with self.ask(id, priority=priority) as lease:
            for _ in lease.waiting(poll=1.0):
                pass
            yield lease.model

    def ask(
        self,
        id: str,
        *,
        priority: Priority = "person",
        activations: int = 0,
        group: Together | None = None,
    ) -> Lease:
        """A lease, at once; it may have to wait.

        Args:
            priority: a batch lets persons go before it, for a minute.
            activations: bytes that the run will take beyond the weights; idle models make room.
            group: of which it is one.

        Raises:
            AigcError: there is no such model, or the loader was closed.
        """
        loadable = self._find(id)
        shared, key = loadable.shared, loadable.key
        with self._changed:
            if self._residents.closed:
                raise ModelUnavailable(id, CLOSING)
            entry = self._residents.entries.get(id)
            if entry is None or entry.status == "failed":
                entry = Entry(id, shared=shared, key=key, loadable=loadable)
                self._start(entry)
            elif entry.status == "ready":
                self._counts["hits"] += 1
            lease = Lease(
                self,
                entry,
                priority=priority,
                activations=activations,
                number=next(self._numbers),
                asked=self._clock(),
                group=group,
            )
            entry.queue.append(lease)
            entry.serve(self._clock())
            self._changed.notify_all()
            return lease

    def together(self, *ids: str, priority: Priority = "person") -> Together:
        """Leases of several models at once; they are asked for when they are waited for."""
        return Together(self, ids, priority)

    def fetch(self, id: str) -> Generator[Progress, None, None]:
        """Brings a model's files to this machine without loading it; closing it ends that.

        Raises:
            AigcError: they cannot be had; the sentence says why.
        """
        loadable = self._find(id)
        if loadable.here():
            return
        with self._fetches.join(id, loadable.fetch) as watch:
            while not watch.wait(LOOK):
                yield told(id, watch.transfer)

    def pin(self, id: str) -> None:
        """Loads the model now and keeps it until the loader closes; raises as `Lease.waiting`."""
        with self.lease(id), self._changed:
            self._residents.pinned.add(id)

    def evict(self, id: str) -> bool:
        """Unloads a model; False if it is in use, pinned or not loaded."""
        return self._residents.evict(id)

    def close(self) -> None:
        """Ends lending and unloads what is idle; the rest goes as its leases end."""
        self._residents.close()
        with self._changed:
            self._changed.notify_all()

    def status(self) -> Status:
        """Devices, models, downloads and what has happened so far; never starts torch."""
        counts = Counter(
            cancelled=self._fetches.cancelled, out_of_memory=self._builder.out_of_memory
        )
        with self._changed:
            counts.update(self._counts, evictions=self._residents.evictions)
        return self._observer.status(Counts(**counts))

    def state(self) -> tuple[ModelState, ...]:
        """Every model that is loaded, loading, or failed at its last load."""
        return self._observer.state()

    def fit(self, model: str | Loadable) -> Fit:
        """Whether a model fits this machine, idle models counted as free; never starts torch.

        Args:
            model: its id, or one that is not in the catalog.
        """
        return self._observer.fit(self._find(model) if isinstance(model, str) else model)

    def idle_bytes(self) -> dict[str, int]:
        """Bytes that idle models would free, by memory."""
        return self._observer.idle_bytes()

    def _start(self, entry: Entry) -> None:
        """Begins a load and enters it into the books; `_changed` is held."""
        # In this order: where no thread is to be had, nobody waits for one.
        threading.Thread(
            target=self._load, args=(entry,), name=f"load {entry.id}", daemon=True
        ).start()
        self._residents.entries[entry.id] = entry

    def wait(self, lease: Lease, seconds: float) -> Progress | None:
        """Waits a while for a lease; None once it is ready, else what it waits for."""
        with self._changed:
            self._changed.wait_for(lambda: lease.settled, seconds)
            if lease._closed:
                raise Cancelled()
            if lease._error is not None:
                # All waiters raise this one error: their frames must not pile up on it.
                raise lease._error.with_traceback(lease._traceback)
            if lease._model is not None:
                return None
            entry = lease._entry
            if entry.status != "ready":
                return entry.progress or Progress(0, 0, NEXT.fill(model=entry.id))
            ahead = entry.refs + entry.ranked(self._clock()).index(lease)
            return Progress(0, 0, QUEUED.fill(ahead=ahead))

    def begin(self, lease: Lease) -> None:
        """Makes room for the run of a lease that has just become ready."""
        entry = lease._entry
        if (option := entry.option) is None:
            return
        estimate = lease.activations or entry.estimate
        corrected = self._peaks.activations(entry.key, option.device.kind, estimate)
        if (taken := in_dtype(corrected, option.dtype)) > option.activations:
            self._residents.make_room(option.device, taken)
        # The first run on a CPU also reads the weights in, which are mapped.
        sound = option.rung == "full" and (option.device.kind != "cpu" or entry.uses > 1)
        measured = in_dtype(estimate, option.dtype) if sound else 0
        self._peaks.begin(lease, entry.key, option.device, measured)
        if lease._closed:  # On another thread, meanwhile.
            self._peaks.end(lease)

    def release(self, lease: Lease) -> None:
        if any(guard.mine for guard in self._guards):
            # A finaliser calls, in the middle of our own work on this thread: that must end first.
            threading.Thread(
                target=self._release, args=(lease,), name="release", daemon=True
            ).start()
        else:
            self._release(lease)

    def _release(self, lease: Lease) -> None:
        with self._changed:
            if lease._closed:
                return
            lease._closed = True
        # Before anybody else has the model, whose run would spoil the measurement.
        self._peaks.end(lease)
        with self._changed:
            entry = lease._entry
            entry.take_back(lease, self._clock())
            lease._model = lease._error = lease._traceback = None
            entry.serve(self._clock())
            self._changed.notify_all()
            self._leave_small(entry)
            pools = entry.pools
        self._residents.settle(pools)
        self._tidier.later()

    def _leave_small(self, entry: Entry) -> None:
        """Lets go of an idle copy that was made smaller for one run; `_changed` is held.

        Whoever comes next should have the best way to hold the model, and not a slow one that
        somebody's large wish led to.
        """
        idle = entry.model is not None and not entry.refs and not entry.queue
        if entry.stepped and idle and self._residents.entries.get(entry.id) is entry:
            self._residents.leave(entry)

    def _load(self, entry: Entry) -> None:
        """The life of a loading thread."""
        try:
            self._builder.build(entry, entry.loadable, partial(self._hand_out, entry))
        except BaseException as error:
            self._fail(entry, error)
        self._leave_dead()
        self._residents.settle(entry.pools)
        self._tidier.later()

    def _hand_out(self, entry: Entry, model: LoadedModel, seconds: float, ways: Ways) -> None:
        option = entry.option
        assert option is not None
        devices = self._residents.measure()
        lower = below(option, ways(devices), devices)
        with self._changed:
            if self._residents.entries.get(entry.id) is not entry:
                raise Cancelled  # All gave up, and the family let its `Cancelled` pass.
            entry.model, entry.status, entry.below = model, "ready", lower
            entry.last_use, entry.load_seconds = self._clock(), seconds
            self._counts["loads"] += 1
            entry.serve(self._clock())
            self._changed.notify_all()
        note(logger, "loaded", model=entry.id, device=option.device.id, dtype=option.dtype,
             rung=option.rung, bytes=option.weights.device, seconds=seconds)  # fmt: skip

    def _fail(self, entry: Entry, error: BaseException) -> None:
        """Fails all who wait. The books keep the reason only: an error holds on to its frames."""
        why = reason(error)
        with self._changed:
            waiters, entry.queue = entry.queue, []
            cancelled = isinstance(error, Cancelled) and not waiters
            self._counts["cancelled" if cancelled else "failures"] += 1
            entry.status, entry.reason, entry.option = "failed", why, None
            if cancelled and self._residents.entries.get(entry.id) is entry:
                del self._residents.entries[entry.id]
            for lease in waiters:
                lease._error, lease._traceback = error, error.__traceback__
            self._changed.notify_all()
        if cancelled:
            note(logger, "load-cancelled", model=entry.id)
            return
        if not waiters:
            logger.error("loading %s failed with nobody waiting", entry.id, exc_info=error)
        note(logger, "load-failed", logging.WARNING, model=entry.id, cause=type(error).__name__,
             why=why.en)  # fmt: skip

    def relieve(self, lease: Lease) -> None:
        with self._changed:
            self._counts["out_of_memory"] += 1
        option = lease._entry.option
        if option is not None:
            note(logger, "out-of-memory", logging.WARNING, model=lease._entry.id,
                 device=option.device.id, rung=option.rung)  # fmt: skip
            self._residents.relieve(option.takes)

    def step_down(self, lease: Lease) -> Text | None:
        with self._changed:
            if lease._closed:
                raise Cancelled
            old = lease._entry
            if not old.below or old.option is None:
                return None
            way = min(old.below, key=lambda option: option.rank)
            self._move([lease, *old.queue], old, old.option.rank)
        self._residents.settle(())
        return way.how

    def _move(self, leases: list[Lease], old: Entry, after: int = -1) -> None:
        """Lets leases wait for the model to be loaded anew; `_changed` is held.

        Others may have had to leave the same copy before: then there is such a load already.
        """
        new = self._residents.entries.get(old.id)
        if new is None or new is old or new.status == "failed":
            current = new is old
            new = Entry(old.id, shared=old.shared, key=old.key, loadable=old.loadable, after=after)
            new.stepped = after >= 0
            self._start(new)
            if current:
                self._residents.leaving.append(old)
        for lease in leases:
            lease._entry.take_back(lease, self._clock())
            lease._model, lease._entry = None, new
            new.queue.append(lease)
        new.serve(self._clock())
        self._changed.notify_all()

    def lose(self, lease: Lease) -> None:
        if (option := lease._entry.option) is not None:
            self._bury(option.device.id)

    def _bury(self, device: str) -> None:
        """Marks a device as failed for good."""
        with self._changed:
            self._residents.dead.add(device)
        note(logger, "device-lost", logging.ERROR, device=device)
        self._leave_dead()

    def _leave_dead(self) -> None:
        """Lets go of the models on devices that failed, and of those who wait for them."""
        with self._changed:
            for entry in list(self._residents.entries.values()):
                if entry.option is None or entry.option.device.id not in self._residents.dead:
                    continue
                if entry.queue and entry.model is not None:
                    self._move(list(entry.queue), entry)
                elif entry.model is not None:
                    self._residents.leave(entry)
        self._residents.settle(())
