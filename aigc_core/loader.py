"""Loaded models: one of each, in the best place there is, lent out and taken back.

A lease is the right to use a loaded model. Whoever asks first starts the load, in a thread of its
own; whoever asks meanwhile waits for the same one. Models in use stay; idle ones stay too while
there is room, and the cheapest to lose gives way first.

Nothing here belongs to a thread: a lease may be opened on one, waited for on others and closed on
yet another, which is how generators are driven behind a web server.
"""

import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from aigc_core import budget, hardware
from aigc_core.budget import Resident, Residents
from aigc_core.errors import AigcError, Cancelled, DoesNotFit, ModelUnavailable
from aigc_core.events import Progress
from aigc_core.gate import PROCESS, Gate
from aigc_core.hardware import Device
from aigc_core.text import Text

logger = logging.getLogger(__name__)

Status = Literal["loading", "ready", "failed"]

LOADING = Text("Loading {model}", "正在加载 {model}")
QUEUED = Text("Waiting: {ahead} ahead", "排队中：前面还有 {ahead} 个")
BUG = Text("an error in the program ({kind}).", "程序出错（{kind}）。")


@dataclass(frozen=True)
class Placement:
    """Where and how a model is to be loaded.

    Args:
        device: in torch's words, such as `cpu` or `cuda:0`.
        dtype: of the weights, in torch's words, such as `float32`.
        gate: to be entered for each step of the model; it is held alone during the load.
        batching: whether requests of several visitors may share a step.
    """

    device: str
    dtype: str
    gate: Gate
    batching: bool


class LoadedModel(Protocol):
    """What a lease hands out."""

    def close(self) -> None:
        """Frees everything; called once, when nobody uses the model any more."""


class Loadable(Protocol):
    """A model that can be loaded. Its sizes are read before the load, on the loader's thread."""

    @property
    def id(self) -> str:
        """Its name in the catalog."""

    @property
    def weight_bytes(self) -> int:
        """Bytes of its weights when loaded."""

    @property
    def activation_bytes(self) -> int:
        """Bytes that a run takes beyond the weights, at its peak."""

    @property
    def shared(self) -> bool:
        """Whether several leases may use it at once; if not, they take turns."""

    def load(self, placement: Placement) -> LoadedModel:
        """Builds the model there; called inside `placement.gate.building()`."""


@dataclass(frozen=True)
class ModelState:
    """A model as the loader knows it.

    Args:
        reason: why the last load failed; None unless it did.
        device: where it is, in torch's words; None while that is not decided.
        bytes: of its weights; 0 while unknown.
        refs: leases in use.
        waiting: leases that wait for the load or for their turn.
        uses: leases handed out since it was loaded.
        last_use: when the last lease ended (or the load, before that), by the loader's clock.
        load_seconds: what the load took.
        pinned: it stays until the loader closes.
    """

    id: str
    status: Status
    reason: Text | None
    device: str | None
    bytes: int
    refs: int
    waiting: int
    uses: int
    last_use: float
    load_seconds: float
    pinned: bool


@dataclass(eq=False)
class Entry(Resident):
    """One load of a model, and those who wait for it or for their turn."""

    shared: bool = False
    status: Status = "loading"
    reason: Text | None = None
    queue: "deque[Lease]" = field(default_factory=deque)


class Lease:
    """A place in the queue for a model, then the right to use it, until closed."""

    def __init__(self, loader: "Loader", entry: Entry) -> None:
        self._loader = loader
        self._entry = entry
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
    def _settled(self) -> bool:
        return self._closed or self._model is not None or self._error is not None

    def waiting(self, poll: float = 0.05) -> Iterator[Progress]:
        """Yields every `poll` seconds until the model is ready; nothing if it is ready already.

        Raises:
            DoesNotFit: no device has the memory, even without the idle models.
            AigcError: the model cannot be loaded; the sentence says why.
            Cancelled: the lease was closed.
            Exception: the load failed through a bug.
        """
        while (progress := self._loader._wait(self, poll)) is not None:
            yield progress

    def close(self) -> None:
        """Gives the model back, or the place in the queue; again does nothing."""
        self._loader._release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Loader:
    """Lends loaded models.

    Args:
        find: the loadable with this id; raises an AigcError where there is none.
        devices: measures the devices, freshly at each call.
        allowance: bytes that idle models may keep on a device; those on devices that share a
            memory share the largest of their allowances.
        batching: handed on to the models.
        gate: taken alone for each load.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        find: Callable[[str], Loadable],
        *,
        devices: Callable[[], Sequence[Device]] = hardware.devices,
        allowance: Callable[[Device], int] = budget.allowance,
        batching: bool = True,
        gate: Gate = PROCESS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._batching = batching
        self._gate = gate
        self._clock = clock
        self._residents = Residents[Entry](devices, allowance, clock)
        self._changed = self._residents.changed
        # One load at a time, so that what it was promised is still free when it starts.
        self._loading = threading.Lock()

    @contextmanager
    def lease(self, id: str) -> Iterator[Any]:
        """Waits for the model and lends it while the `with` lasts; raises as `Lease.waiting`."""
        with self.ask(id) as lease:
            for _ in lease.waiting(poll=1.0):
                pass
            yield lease.model

    def ask(self, id: str) -> Lease:
        """A lease, at once; it may have to wait.

        Raises:
            AigcError: there is no such model, or the loader was closed.
        """
        loadable = self._find(id)
        with self._changed:
            if self._residents.closed:
                why = Text("the server is shutting down.", "服务正在关闭。")
                raise ModelUnavailable(id, why)
            entry = self._residents.entries.get(id)
            if entry is None or entry.status == "failed":
                entry = Entry(id, shared=loadable.shared)
                threading.Thread(
                    target=self._load, args=(entry, loadable), name=f"load {id}", daemon=True
                ).start()
                self._residents.entries[id] = entry
            lease = Lease(self, entry)
            entry.queue.append(lease)
            self._serve(entry)
            return lease

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

    def state(self) -> tuple[ModelState, ...]:
        """Every model that is loaded, loading, or failed at its last load."""
        with self._changed:
            return tuple(
                ModelState(
                    id=id,
                    status=entry.status,
                    reason=entry.reason,
                    device=entry.device.id if entry.device else None,
                    bytes=entry.weights,
                    refs=entry.refs,
                    waiting=len(entry.queue),
                    uses=entry.uses,
                    last_use=entry.last_use,
                    load_seconds=entry.load_seconds,
                    pinned=id in self._residents.pinned,
                )
                for id, entry in self._residents.entries.items()
            )

    def _wait(self, lease: Lease, seconds: float) -> Progress | None:
        """Waits a while for a lease; None once it is ready, else what it waits for."""
        with self._changed:
            self._changed.wait_for(lambda: lease._settled, seconds)
            if lease._closed:
                raise Cancelled()
            if lease._error is not None:
                # All waiters raise this one error: their frames must not pile up on it.
                raise lease._error.with_traceback(lease._traceback)
            if lease._model is not None:
                return None
            entry = lease._entry
            if entry.status == "loading":
                return Progress(0, 0, LOADING.fill(model=entry.id))
            return Progress(0, 0, QUEUED.fill(ahead=entry.refs + entry.queue.index(lease)))

    def _release(self, lease: Lease) -> None:
        with self._changed:
            if lease._closed:
                return
            lease._closed = True
            entry = lease._entry
            if lease._model is not None:
                entry.refs -= 1
                entry.last_use = self._clock()
            elif lease in entry.queue:
                entry.queue.remove(lease)
            lease._model = lease._error = lease._traceback = None
            self._serve(entry)
            pool = entry.pool
        if pool is not None:
            self._residents.settle(pool)

    def _serve(self, entry: Entry) -> None:
        """Hands a loaded model to those whose turn it is, and wakes all; `_changed` is held."""
        while entry.model is not None and entry.queue and (entry.shared or not entry.refs):
            lease = entry.queue.popleft()
            lease._model = entry.model
            entry.refs += 1
            entry.uses += 1
        self._changed.notify_all()

    def _load(self, entry: Entry, loadable: Loadable) -> None:
        """The life of a loading thread."""
        try:
            with self._loading:
                self._build(entry, loadable)
        except BaseException as error:
            self._fail(entry, error)
        pool = entry.pool
        if pool is not None:
            self._residents.settle(pool)

    def _build(self, entry: Entry, loadable: Loadable) -> None:
        """Finds a place and loads the model there; where memory runs out, once more."""
        entry.weights, entry.activations = loadable.weight_bytes, loadable.activation_bytes
        need = budget.need(entry.weights, entry.activations)
        for _ in range(2):
            entry.device = self._residents.place(entry.id, need)
            start = self._clock()
            model = self._construct(loadable, entry.device)
            if model is not None:
                break
            self._residents.clear(entry.device.pool)
            gc.collect()
        else:
            free = self._residents.free()
            raise DoesNotFit(entry.id, max(need, free), free)
        with self._changed:
            entry.model, entry.status = model, "ready"
            entry.last_use = self._clock()
            entry.load_seconds = entry.last_use - start
            self._serve(entry)

    def _construct(self, loadable: Loadable, device: Device) -> LoadedModel | None:
        """The loaded model, or None where memory ran out."""
        dtype = hardware.dtype_for(device)
        placement = Placement(device.id, dtype, self._gate, self._batching)
        try:
            with self._gate.building():
                return loadable.load(placement)
        except Exception as error:
            if not budget.is_out_of_memory(error):
                raise
            # Its frames hold what was half loaded, and that must be gone before the next try.
            error.__traceback__ = None
            return None

    def _fail(self, entry: Entry, error: BaseException) -> None:
        """Fails all who wait. The books keep the reason only: an error holds on to its frames."""
        kind = type(error).__name__
        if isinstance(error, ModelUnavailable):
            reason = error.why
        else:
            reason = error.text if isinstance(error, AigcError) else BUG.fill(kind=kind)
        with self._changed:
            entry.status, entry.reason, entry.device = "failed", reason, None
            if not entry.queue:
                logger.error("loading %s failed with nobody waiting", entry.id, exc_info=error)
            for lease in entry.queue:
                lease._error, lease._traceback = error, error.__traceback__
            entry.queue.clear()
            self._changed.notify_all()
