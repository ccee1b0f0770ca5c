"""A loader over pretended machines and models, and the visitors who use it."""

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
from tests.waiting import SOON

GB = 10**9
RESERVE = fit.RESERVE


class Machine:
    """Devices whose free memory follows from what is loaded on them."""

    def __init__(self, **total: int) -> None:
        self.total = {"cpu": 64 * GB, **total}
        self.used: Counter[str] = Counter()
        self.closed: list[str] = []
        self.lock = threading.Lock()

    def devices(self) -> tuple[Device, ...]:
        with self.lock:
            return tuple(self.device(name) for name in self.total)

    def device(self, name: str) -> Device:
        kind, index = (name[:-1], int(name[-1])) if name[-1].isdigit() else (name, 0)
        total = self.total[name]
        unified = kind in ("cpu", "mps")
        used = self.used["cpu"] + self.used["mps"] if unified else self.used[name]
        return Device(kind, index, name, total, total - used, unified=unified)  # type: ignore[arg-type]

    def take(self, device: str, size: int) -> None:
        with self.lock:
            self.used[device.replace(":", "")] += size


@dataclass
class Model:
    """A loaded model that knows whether it was closed."""

    id: str
    device: str
    rung: Rung
    free: Callable[[], None]
    closed: bool = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        self.free()


@dataclass
class Fake:
    """A loadable that takes memory on a `Machine` and can be made to wait or to fail."""

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
    placements: list[Placement] = field(default_factory=list)
    alive: list["weakref.ref[Model]"] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    steps: bool = False
    fetching: Callable[[Report], None] | None = None

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
        taken = footprint(self.parts(), "float32", placement.rung)
        self.machine.take(placement.device, taken.device)
        self.machine.take("cpu", taken.host)

        def free() -> None:
            self.machine.take(placement.device, -taken.device)
            self.machine.take("cpu", -taken.host)
            self.machine.closed.append(self.id)

        model = Model(self.id, placement.device, placement.rung, free)
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

    def join(self) -> list[Any]:
        for thread in self.threads:
            thread.join(SOON)
            assert not thread.is_alive()
        return self.answers


def on_another_thread(work: Callable[[], Any]) -> Any:
    (answer,) = Threads(1, lambda _: work()).join()
    if isinstance(answer, BaseException):
        raise answer
    return answer
