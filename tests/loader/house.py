"""A loader over pretended machines and models, and the visitors who use it."""

import gc
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from aigc_core import fit
from aigc_core.errors import UnknownModel
from aigc_core.footprint import Part, Rung, footprint
from aigc_core.gate import Gate
from aigc_core.hardware import Device
from aigc_core.hub.transfer import Report
from aigc_core.lease import Lease
from aigc_core.loader import Loader
from aigc_core.placement import Placement
from aigc_core.status import ModelState
from tests.waiting import SOON, until

GB = 10**9
RESERVE = fit.RESERVE


class OutOfMemoryError(RuntimeError):
    """What torch raises, by its name."""


class Machine:
    """Devices whose free memory follows from what is loaded on them.

    Attributes:
        pieces: bytes that can be had in one piece, where free memory is in fragments.
        overdrawn: what loads took beyond the free memory; a loader that counts well lets none.
        bf16: names of devices that compute in bfloat16.
    """

    def __init__(self, **total: int) -> None:
        self.total = {"cpu": 64 * GB, **total}
        self.used: Counter[str] = Counter()
        self.closed: list[str] = []
        self.pieces: dict[str, int] = {}
        self.overdrawn: list[str] = []
        self.bf16: set[str] = set()
        self.lock = threading.RLock()  # Memory returns wherever the collector happens to run.

    def devices(self) -> tuple[Device, ...]:
        with self.lock:
            return tuple(self.device(name) for name in self.total)

    def device(self, name: str) -> Device:
        kind, index = (name[:-1], int(name[-1])) if name[-1].isdigit() else (name, 0)
        total = self.total[name]
        unified = kind in ("cpu", "mps")
        used = self.used["cpu"] + self.used["mps"] if unified else self.used[name]
        return Device(
            kind,  # type: ignore[arg-type]
            index,
            name,
            total,
            total - used,
            bf16=name in self.bf16,
            unified=unified,
        )

    def take(self, device: str, size: int, *, loading: bool = False) -> None:
        name = device.replace(":", "")
        with self.lock:
            if size > self.device(name).free:
                if loading:
                    self.overdrawn.append(f"{size} on {device}")
                raise OutOfMemoryError
            if size > self.pieces.get(name, size):
                raise OutOfMemoryError
            self.used[name] += size

    def hold(self, device: str, size: int, *, loading: bool = False) -> "Held":
        return Held(self, device, size, loading)


class Held:
    """Memory that returns when nothing refers to it any more, as a tensor's does."""

    def __init__(self, machine: Machine, device: str, size: int, loading: bool) -> None:
        machine.take(device, size, loading=loading)
        self.machine, self.device, self.size = machine, device, size

    def __del__(self) -> None:
        if hasattr(self, "size"):
            self.machine.take(self.device, -self.size)


@dataclass
class Model:
    """A loaded model that knows whether it was closed."""

    id: str
    placement: Placement
    free: Callable[[], None]
    closed: bool = False

    @property
    def device(self) -> str:
        return self.placement.device

    @property
    def rung(self) -> Rung:
        return self.placement.rung

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        self.free()


@dataclass
class Fake:
    """A loadable that takes memory on a `Machine` and can be made to wait or to fail.

    Args:
        failures: raised by the next loads, before they take memory.
        late: raised by the next loads when all their memory is taken.
        before: called as a load begins.
        steps: whether a load that waits calls `step`.
        fetching: what a download does; None where the files are here.
        published: called for what it keeps.
    """

    id: str
    machine: Machine
    weight_bytes: int = GB
    activations: int = 0
    shared: bool = True
    rungs: tuple[Rung, ...] = ("full",)
    blocks: int = 4
    go: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    late: list[BaseException] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)
    alive: list["weakref.ref[Model]"] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    steps: bool = False
    fetching: Callable[[Report], None] | None = None
    published: Callable[[], None] = lambda: None

    @property
    def key(self) -> str:
        return f"{self.id}@1"

    def here(self) -> bool:
        return self.fetching is None

    def fetch(self, report: Report) -> None:
        assert self.fetching is not None
        self.fetching(report)
        self.fetching = None

    def parts(self) -> tuple[Part, ...]:
        self.published()
        numbers = self.weight_bytes // 4
        return (Part("", numbers, block=numbers // self.blocks, layer=numbers // 4 // self.blocks),)

    def activation_bytes(self) -> int:
        return self.activations

    @property
    def loads(self) -> int:
        return len(self.placements)

    def load(self, placement: Placement, step: Callable[[], None]) -> Model:
        self.placements.append(placement)
        self.started.set()
        self.before()
        while not self.go.wait(0.01):
            if self.steps:
                step()
        if self.failures:
            raise self.failures.pop(0)
        taken = footprint(self.parts(), placement.dtype, placement.rung)
        memory = [self.machine.hold("cpu", taken.host, loading=True)] if taken.host else []
        memory.append(self.machine.hold(placement.device, taken.device, loading=True))
        if self.late:
            raise self.late.pop(0)

        def free() -> None:
            memory.clear()
            self.machine.closed.append(self.id)

        model = Model(self.id, placement, free)
        self.alive.append(weakref.ref(model))
        return model


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class House:
    """A loader over fakes."""

    def __init__(self, machine: Machine | None = None, **options: Any) -> None:
        self.machine = machine or Machine()
        self.clock = Clock()
        self.fakes: dict[str, Fake] = {}
        self.loader = Loader(
            self.find,
            **{"devices": self.machine.devices, "clock": self.clock, "gate": Gate(), **options},
        )

    def find(self, id: str) -> Fake:
        if id not in self.fakes:
            raise UnknownModel(id)
        return self.fakes[id]

    def add(self, id: str, *, waits: bool = False, **facts: Any) -> Fake:
        fake = self.fakes[id] = Fake(id, self.machine, **facts)
        if not waits:
            fake.go.set()
        return fake

    def state(self, id: str) -> ModelState:
        return {state.id: state for state in self.loader.state()}[id]

    @property
    def loaded(self) -> list[str]:
        return [state.id for state in self.loader.state() if state.status == "ready"]

    def use(self, id: str) -> None:
        with self.loader.lease(id):
            pass

    def way(self, id: str) -> tuple[str, str]:
        """The device and the rung that a model is lent on."""
        with self.loader.lease(id) as model:
            return model.device, model.rung

    def empty(self) -> None:
        """Nobody holds or waits for anything, and once all is evicted no memory is taken."""
        until(lambda: all(s.status in ("ready", "failed") for s in self.loader.state()))
        assert [(s.id, s.refs, s.waiting) for s in self.loader.state() if s.refs or s.waiting] == []
        self.loader.close()
        until(lambda: not self.loaded)
        gc.collect()
        assert +self.machine.used == Counter()
        assert self.machine.overdrawn == []
        assert all(model() is None for fake in self.fakes.values() for model in fake.alive)
        assert not self.loader._peaks._meters
        assert not self.loader._fetches.state()


def narrow() -> House:
    """A house with room for one of its two models, `used` and `large`."""
    house = House(Machine(cpu=10 * GB))
    house.add("used", weight_bytes=6 * GB)
    house.add("large", weight_bytes=6 * GB)
    return house


def ready(lease: Lease) -> Any:
    for _ in lease.waiting(poll=SOON):
        pytest.fail("still not ready")
    return lease.model


class Threads:
    """Runs work on threads and keeps what they return or raise."""

    def __init__(self, count: int, work: Callable[[int], Any]) -> None:
        self.answers: list[Any] = [None] * count
        self.threads = [
            threading.Thread(target=self.run, args=(place, work), daemon=True)
            for place in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, place: int, work: Callable[[int], Any]) -> None:
        try:
            self.answers[place] = work(place)
        except BaseException as error:
            self.answers[place] = error

    def join(self, seconds: float = SOON) -> list[Any]:
        for thread in self.threads:
            thread.join(seconds)
            assert not thread.is_alive()
        return self.answers


def on_another_thread(work: Callable[[], Any]) -> Any:
    (answer,) = Threads(1, lambda _: work()).join()
    if isinstance(answer, BaseException):
        raise answer
    return answer
