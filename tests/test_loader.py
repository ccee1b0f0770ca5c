import gc
import random
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from aigc_core import budget, loader
from aigc_core.errors import AigcError, Cancelled, DoesNotFit, ModelUnavailable, UnknownModel
from aigc_core.events import Progress
from aigc_core.gate import Gate
from aigc_core.hardware import Device
from aigc_core.loader import Lease, Loader, ModelState, Placement
from aigc_core.text import Text

SOON = 90.0  # seconds; far beyond what a busy machine needs
GB = 10**9
RESERVE = budget.RESERVE


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.001)


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
    activation_bytes: int = 0
    shared: bool = True
    go: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)
    alive: list["weakref.ref[Model]"] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    @property
    def loads(self) -> int:
        return len(self.placements)

    def load(self, placement: Placement) -> Model:
        self.placements.append(placement)
        self.started.set()
        self.before()
        assert self.go.wait(SOON)
        if self.failures:
            raise self.failures.pop(0)
        self.machine.take(placement.device, self.weight_bytes)

        def free() -> None:
            self.machine.take(placement.device, -self.weight_bytes)
            self.machine.closed.append(self.id)

        model = Model(self.id, placement.device, free)
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


@pytest.fixture
def house() -> House:
    return House()


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


class TestLending:
    def test_a_lease_hands_out_the_model_while_it_lasts(self, house: House) -> None:
        fake = house.add("gan")
        with house.loader.lease("gan") as model:
            assert isinstance(model, Model)
            assert house.state("gan").refs == 1
            placement = fake.placements[0]
            assert (placement.device, placement.dtype, placement.batching) == (
                "cpu",
                "float32",
                True,
            )
        assert (house.state("gan").refs, house.state("gan").uses) == (0, 1)
        assert not model.closed

    def test_an_unknown_model_is_refused_at_once(self, house: House) -> None:
        with pytest.raises(UnknownModel):
            house.loader.ask("nobody")

    def test_sixteen_who_ask_at_once_share_one_load(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        together = threading.Barrier(16)

        def visit(_: int) -> Any:
            together.wait(SOON)
            with house.loader.lease("gan") as model:
                return model

        visitors = Threads(16, visit)
        until(lambda: house.loader.state() and house.state("gan").waiting == 16)
        fake.go.set()
        assert len({id(model) for model in visitors.join()}) == 1
        assert fake.loads == 1
        assert house.state("gan").refs == 0

    def test_waiting_tells_what_it_waits_for(self, house: House) -> None:
        fake = house.add("lm", waits=True, shared=False)
        first, second = house.loader.ask("lm"), house.loader.ask("lm")
        notes = first.waiting(poll=0.001)
        loading = Text("Loading lm", "正在加载 lm")
        assert next(notes) == next(notes) == Progress(0, 0, loading)
        fake.go.set()
        for progress in notes:
            assert progress.note == loading
        queued = next(second.waiting(poll=0.001))
        assert queued.note == Text("Waiting: 1 ahead", "排队中：前面还有 1 个")
        first.close()
        assert list(second.waiting()) == []

    def test_a_model_needs_a_lease_that_is_ready_and_open(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        lease = house.loader.ask("gan")
        with pytest.raises(RuntimeError):
            _ = lease.model
        fake.go.set()
        ready(lease)
        lease.close()
        lease.close()
        with pytest.raises(RuntimeError):
            _ = lease.model
        with pytest.raises(Cancelled):
            next(lease.waiting())
        assert house.state("gan").refs == 0

    def test_a_lease_belongs_to_no_thread(self, house: House) -> None:
        fake = house.add("gan", waits=True, shared=False)
        lease: Lease = on_another_thread(lambda: house.loader.ask("gan"))
        waiting: Iterator[Progress] = lease.waiting(poll=0.001)
        on_another_thread(lambda: next(waiting))
        fake.go.set()
        on_another_thread(lambda: list(waiting))
        assert on_another_thread(lambda: lease.model).id == "gan"
        on_another_thread(lease.close)
        assert house.state("gan").refs == 0
        house.use("gan")

    def test_a_load_keeps_steps_out(self) -> None:
        gate = Gate()
        house = House(gate=gate)
        fake = house.add("gan", waits=True)
        stepped = threading.Event()
        lease = house.loader.ask("gan")
        assert fake.started.wait(SOON)
        assert fake.placements[0].gate is gate

        def step(_: int) -> None:
            with gate.step():
                stepped.set()

        steps = Threads(1, step)
        assert not stepped.wait(0.02)
        fake.go.set()
        steps.join()
        ready(lease)


class TestTurns:
    def test_shared_models_are_handed_out_at_once(self, house: House) -> None:
        house.add("gan")
        leases = [house.loader.ask("gan") for _ in range(3)]
        assert len({id(ready(lease)) for lease in leases}) == 1
        assert house.state("gan").refs == 3

    def test_exclusive_models_are_handed_out_in_the_order_asked(self, house: House) -> None:
        fake = house.add("pipeline", waits=True, shared=False)
        leases = [house.loader.ask("pipeline") for _ in range(4)]
        fake.go.set()
        for place, lease in enumerate(leases):
            ready(lease)
            state = house.state("pipeline")
            assert (state.refs, state.waiting) == (1, 3 - place)
            lease.close()

    def test_who_withdraws_leaves_the_queue(self, house: House) -> None:
        house.add("pipeline", shared=False)
        first, second, third = (house.loader.ask("pipeline") for _ in range(3))
        ready(first)
        second.close()
        assert house.state("pipeline").waiting == 1
        first.close()
        ready(third)
        third.close()
        assert (house.state("pipeline").refs, house.state("pipeline").uses) == (0, 2)

    def test_a_load_that_all_gave_up_still_serves_the_next(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        with house.loader.ask("gan") as lease:
            next(lease.waiting(poll=0.001))
        fake.go.set()
        until(lambda: house.state("gan").status == "ready")
        assert (house.state("gan").refs, house.state("gan").waiting) == (0, 0)
        house.use("gan")
        assert fake.loads == 1

    def test_closing_a_lease_ends_its_waiting_elsewhere(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        lease = house.loader.ask("gan")
        waiter = Threads(1, lambda _: list(lease.waiting(poll=SOON)))
        lease.close()
        (answer,) = waiter.join()
        assert isinstance(answer, Cancelled)
        fake.go.set()


class TestFailures:
    @pytest.mark.parametrize(
        "error",
        [
            AigcError(Text("No licence.", "没有许可。")),
            ModelUnavailable("gan", Text("No licence.", "没有许可。")),
            ValueError("a bug"),
        ],
    )
    def test_all_waiters_get_the_same_error_and_the_next_tries_again(
        self, house: House, error: Exception
    ) -> None:
        fake = house.add("gan", waits=True, failures=[error])
        visitors = Threads(8, lambda _: house.use("gan"))
        until(lambda: house.loader.state() and house.state("gan").waiting == 8)
        fake.go.set()
        assert all(answer is error for answer in visitors.join())
        state = house.state("gan")
        assert (state.status, state.device, state.refs, state.waiting) == ("failed", None, 0, 0)
        assert state.reason is not None
        bug = loader.BUG.fill(kind="ValueError").zh
        assert state.reason.zh == ("没有许可。" if isinstance(error, AigcError) else bug)
        house.use("gan")
        assert (house.state("gan").status, house.state("gan").reason) == ("ready", None)
        assert fake.loads == 2

    def test_a_failure_nobody_waited_for_is_logged(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake = house.add("gan", waits=True, failures=[ValueError("a bug")])
        house.loader.ask("gan").close()
        fake.go.set()
        until(lambda: house.state("gan").status == "failed")
        until(lambda: "a bug" in caplog.text)

    def test_where_memory_runs_out_idle_models_go_and_the_load_is_tried_again(self) -> None:
        house = House(Machine(cuda0=10 * GB))
        house.add("idle")
        house.use("idle")
        fake = house.add("big", failures=[MemoryError()])
        house.use("big")
        assert house.loaded == ["big"]
        assert [placement.device for placement in fake.placements] == ["cuda:0", "cuda:0"]

    def test_what_was_half_loaded_is_gone_before_the_next_try(self, house: House) -> None:
        class Half:
            pass

        halves: list[weakref.ref[Half]] = []
        left: list[object] = []

        def half_load() -> None:
            left.extend(half() for half in halves)
            half = Half()
            halves.append(weakref.ref(half))
            if len(halves) == 1:
                raise MemoryError

        house.add("big", before=half_load)
        house.use("big")
        assert left == [None]

    def test_out_of_memory_twice_does_not_fit(self, house: House) -> None:
        fake = house.add("big", failures=[MemoryError(), MemoryError()])
        with pytest.raises(DoesNotFit) as caught:
            house.use("big")
        assert "64 GB" in caught.value.text.zh
        assert fake.loads == 2
        house.use("big")

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (MemoryError(), True),
            (type("OutOfMemoryError", (RuntimeError,), {})(), True),
            (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), True),
            (RuntimeError("MPS backend out of memory"), True),
            (RuntimeError("Invalid buffer size: 20.00 GB"), True),
            (RuntimeError("shapes do not match"), False),
            (ValueError("out of memory is no reason here"), False),
        ],
    )
    def test_what_counts_as_out_of_memory(self, error: BaseException, expected: bool) -> None:
        assert budget.is_out_of_memory(error) is expected


class TestPlaces:
    def test_a_model_that_fits_nowhere_is_refused_before_it_is_loaded(self) -> None:
        house = House(Machine(cpu=8 * GB, cuda0=4 * GB))
        house.add("idle")
        house.use("idle")
        fake = house.add("huge", weight_bytes=10 * GB, activation_bytes=GB)
        with pytest.raises(DoesNotFit) as caught:
            house.use("huge")
        assert "12 GB" in str(caught.value)
        assert "8.0 GB free" in str(caught.value)
        assert fake.loads == 0
        assert house.loaded == ["idle"]
        assert house.state("huge").status == "failed"

    def test_need_is_weights_and_a_tenth_activations_and_a_reserve(self) -> None:
        fits = Machine(cpu=round(1.1 * GB) + GB + RESERVE)
        house = House(fits)
        house.add("gan", activation_bytes=GB)
        house.use("gan")
        house = House(Machine(cpu=round(1.1 * GB) + GB + RESERVE - 1))
        house.add("gan", activation_bytes=GB)
        with pytest.raises(DoesNotFit):
            house.use("gan")

    def test_the_freest_accelerator_comes_first_and_the_cpu_last(self) -> None:
        machine = Machine(cuda0=10 * GB, cuda1=12 * GB)
        house = House(machine)
        for id in ("a", "b", "c", "d"):
            house.add(id, weight_bytes=6 * GB)
        leases = [house.loader.ask(id) for id in ("a",)]
        assert ready(leases[0]).device == "cuda:1"
        for id, device in (("b", "cuda:0"), ("c", "cpu")):
            leases.append(house.loader.ask(id))
            assert ready(leases[-1]).device == device
        leases[1].close()
        leases.append(house.loader.ask("d"))
        assert ready(leases[-1]).device == "cuda:0"
        assert "b" not in house.loaded

    def test_cpu_and_mps_draw_on_the_same_memory(self) -> None:
        machine = Machine(cpu=10 * GB, mps=10 * GB)
        house = House(machine)
        house.add("a", weight_bytes=6 * GB)
        house.add("b", weight_bytes=6 * GB)
        with house.loader.lease("a") as model:
            assert model.device == "mps"
            with pytest.raises(DoesNotFit):
                house.use("b")
        house.use("b")
        assert house.loaded == []

    def test_the_books_count_what_the_device_does_not_show_yet(self) -> None:
        machine = Machine(cpu=10 * GB)
        house = House(machine)
        house.add("mapped", weight_bytes=4 * GB, activation_bytes=2 * GB)
        house.add("other", weight_bytes=4 * GB)
        with house.loader.lease("mapped"):
            machine.used.clear()
            with pytest.raises(DoesNotFit):
                house.use("other")
        machine.used["cpu"] = 0
        house.use("other")


class TestGivingWay:
    def test_the_cheapest_to_lose_goes_first(self) -> None:
        house = House(Machine(cpu=9 * GB), allowance=lambda device: device.total)
        slow = house.add("slow to load")
        slow.before = lambda: setattr(house.clock, "now", house.clock.now + 20)
        for id, times in (("slow to load", 1), ("used often", 9), ("used once", 1), ("in use", 1)):
            if id not in house.fakes:
                house.add(id)
            for _ in range(times):
                house.use(id)
        house.add("new", weight_bytes=5 * GB)
        with house.loader.lease("in use"):
            house.use("new")
            assert house.machine.closed == ["used once"]
            house.loader.evict("new")
            house.add("larger", weight_bytes=round(6.5 * GB))
            house.use("larger")
        assert house.machine.closed == ["used once", "new", "used often", "slow to load"]

    def test_large_and_long_idle_models_go_before_small_and_fresh_ones(self) -> None:
        score = budget.worth
        assert score(1, 1, GB, 10) < score(1, 1, GB // 2, 10)
        assert score(1, 1, GB, 100) < score(1, 1, GB, 10)
        assert score(1, 1, GB, 10) < score(2, 1, GB, 10)
        assert score(1, 1, GB, 10) < score(1, 2, GB, 10)

    def test_idle_models_are_kept_within_their_allowance(self) -> None:
        house = House(allowance=lambda device: 2 * GB)
        for id in ("a", "b", "c"):
            house.add(id)
            house.use(id)
            house.clock.now += 1
        assert house.loaded == ["b", "c"]
        assert house.machine.used["cpu"] == 2 * GB

    def test_models_in_use_do_not_count_and_do_not_go(self) -> None:
        house = House(allowance=lambda device: 0)
        house.add("a")
        house.add("b")
        with house.loader.lease("a") as model:
            house.use("b")
            assert house.loaded == ["a"]
            assert not house.loader.evict("a")
            assert not model.closed
        assert house.loaded == []

    def test_pinned_models_stay_until_the_loader_closes(self) -> None:
        house = House(allowance=lambda device: 0)
        house.add("pinned")
        house.loader.pin("pinned")
        house.use("pinned")
        assert house.state("pinned").pinned
        assert not house.loader.evict("pinned")
        house.loader.close()
        assert house.loaded == []

    def test_an_evicted_model_is_closed_and_collected(self, house: House) -> None:
        fake = house.add("gan")
        with house.loader.lease("gan") as model:
            pass
        assert house.loader.evict("gan")
        assert model.closed
        del model
        assert fake.alive[0]() is None
        assert not house.loader.evict("gan")
        house.use("gan")
        assert fake.loads == 2

    def test_a_model_that_fails_to_close_is_gone_all_the_same(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.add("gan")
        with house.loader.lease("gan") as model:
            model.free = lambda: 1 / 0
        assert house.loader.evict("gan")
        assert house.loaded == []
        assert "ZeroDivisionError" in caplog.text

    def test_a_closing_model_may_finish_a_step(self) -> None:
        gate = Gate()
        house = House(Machine(cpu=3 * GB), gate=gate)
        house.add("old", weight_bytes=2 * GB)
        house.add("new", weight_bytes=2 * GB)
        with house.loader.lease("old") as model:
            free = model.free

        def finish_a_step() -> None:
            with gate.step():
                free()

        model.free = lambda: on_another_thread(finish_a_step)
        house.use("new")
        assert model.closed

    def test_closing_the_loader(self, house: House) -> None:
        house.add("idle")
        house.use("idle")
        house.add("used")
        slow = house.add("loading", waits=True)
        with house.loader.lease("used"):
            waiter = house.loader.ask("loading")
            house.loader.close()
            assert house.loaded == ["used"]
            with pytest.raises(ModelUnavailable):
                house.loader.ask("used")
        slow.go.set()
        ready(waiter)
        waiter.close()
        until(lambda: not house.loader.state())
        assert +house.machine.used == Counter()


def test_state_tells_everything() -> None:
    house = House()
    fake = house.add("gan", shared=False)
    fake.before = lambda: setattr(house.clock, "now", house.clock.now + 5)
    lease, other = house.loader.ask("gan"), house.loader.ask("gan")
    ready(lease)
    state = ModelState(
        id="gan",
        status="ready",
        reason=None,
        device="cpu",
        bytes=GB,
        refs=1,
        waiting=1,
        uses=1,
        last_use=5.0,
        load_seconds=5.0,
        pinned=False,
    )
    assert house.loader.state() == (state,)
    house.clock.now = 8.0
    other.close()
    lease.close()
    assert house.state("gan").last_use == 8.0


def test_many_visitors_leave_nothing_behind() -> None:
    machine = Machine(cuda0=6 * GB, cpu=9 * GB)
    house = House(machine, clock=time.monotonic, allowance=lambda device: 3 * GB)
    for number in range(6):
        house.add(f"model {number}", weight_bytes=GB * (1 + number % 3), shared=number % 2 == 0)
    users: Counter[int] = Counter()
    lock = threading.Lock()
    mistakes: list[str] = []

    def visit(place: int) -> None:
        luck = random.Random(place)
        for _ in range(15):
            fake = house.fakes[f"model {luck.randrange(6)}"]
            if luck.random() < 0.1:
                fake.failures.append(luck.choice([MemoryError(), ValueError("bug")]))
            with house.loader.ask(fake.id) as lease:
                if luck.random() < 0.2:
                    continue
                try:
                    for _ in lease.waiting(poll=0.01):
                        if luck.random() < 0.05:
                            break
                    else:
                        use(fake, lease.model)
                except (DoesNotFit, ValueError):
                    continue

    def use(fake: Fake, model: Model) -> None:
        with lock:
            users[id(model)] += 1
            if users[id(model)] > 1 and not fake.shared:
                mistakes.append(f"{fake.id} was lent twice")
        time.sleep(0.001)
        with lock:
            users[id(model)] -= 1
            if model.closed:
                mistakes.append(f"{fake.id} was closed while in use")

    answers = Threads(8, visit).join()
    assert [answer for answer in answers if answer is not None] == []
    assert mistakes == []
    until(lambda: all(state.status != "loading" for state in house.loader.state()))
    assert all(state.refs == state.waiting == 0 for state in house.loader.state())
    house.loader.close()
    until(lambda: not house.loaded)
    assert +machine.used == Counter()
    gc.collect()
    assert all(model() is None for fake in house.fakes.values() for model in fake.alive)
