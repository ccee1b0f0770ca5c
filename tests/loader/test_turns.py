"""Who comes next: persons before batches, who asked first, and loads that wait for memory."""

import threading
import time
from functools import partial
from typing import Any

import pytest

from aigc_core.building import ASIDE
from aigc_core.errors import DoesNotFit
from aigc_core.lease import AGING, Lease
from tests.loader.house import GB, House, Machine, Threads, narrow, ready
from tests.waiting import SOON, until


def order(leases: dict[str, Lease], house: House) -> list[str]:
    """The names of leases of one exclusive model in the order in which they get it."""
    served = []
    left = dict(leases)
    while left:
        (name,) = (name for name, lease in left.items() if lease._model is not None)
        served.append(name)
        left.pop(name).close()
    return served


@pytest.fixture
def exclusive(house: House) -> House:
    house.add("pipeline", shared=False)
    return house


class TestTurnsOfAModel:
    def test_a_person_who_asks_later_comes_before_a_batch(self, exclusive: House) -> None:
        ask = exclusive.loader.ask
        leases = {"first": ask("pipeline")}
        ready(leases["first"])
        leases["batch"] = ask("pipeline", priority="batch")
        leases["another batch"] = ask("pipeline", priority="batch")
        leases["person"] = ask("pipeline")
        leases["another person"] = ask("pipeline")
        assert order(leases, exclusive) == [
            "first",
            "person",
            "another person",
            "batch",
            "another batch",
        ]
        exclusive.empty()

    def test_a_batch_that_waited_a_minute_counts_as_a_person(self, exclusive: House) -> None:
        ask = exclusive.loader.ask
        leases = {"first": ask("pipeline")}
        ready(leases["first"])
        leases["batch"] = ask("pipeline", priority="batch")
        exclusive.clock.now = AGING - 1
        leases["late batch"] = ask("pipeline", priority="batch")
        leases["person"] = ask("pipeline")
        exclusive.clock.now = AGING
        assert order(leases, exclusive) == ["first", "batch", "person", "late batch"]

    def test_what_is_told_counts_those_who_come_before(self, exclusive: House) -> None:
        ask = exclusive.loader.ask
        first = ask("pipeline")
        ready(first)
        batch, person = ask("pipeline", priority="batch"), ask("pipeline")
        said = [next(lease.waiting(poll=0.001)).note.en for lease in (batch, person)]
        assert said == ["Waiting: 2 ahead", "Waiting: 1 ahead"]
        for lease in (first, batch, person):
            lease.close()

    def test_thirty_two_threads_wait_for_one_build_and_take_turns(self) -> None:
        house = House(clock=time.monotonic)
        fake = house.add("pipeline", waits=True, shared=False)
        together = threading.Barrier(32)
        inside, most = [0], [0]

        def visit(_: int) -> Any:
            together.wait(SOON)
            with house.loader.lease("pipeline") as model:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.001)
                inside[0] -= 1
                return id(model)

        visitors = Threads(32, visit)
        until(lambda: house.loader.state() and house.state("pipeline").waiting == 32)
        fake.go.set()
        assert len(set(visitors.join())) == 1
        assert (fake.loads, most[0], house.state("pipeline").uses) == (1, 1, 32)
        house.empty()


class TestTurnsOfLoads:
    def test_a_persons_load_comes_before_a_batchs_that_asked_first(self, house: House) -> None:
        loading = house.add("loading", waits=True)
        order: list[str] = []
        for id in ("batch", "person"):
            house.add(id).before = partial(order.append, id)
        leases = [house.loader.ask("loading")]
        assert loading.started.wait(SOON)
        leases.append(house.loader.ask("batch", priority="batch"))
        until(lambda: house.loader._builder._order._waiting)
        leases.append(house.loader.ask("person"))
        until(lambda: len(house.loader._builder._order._waiting) == 2)
        loading.go.set()
        for lease in leases:
            ready(lease)
            lease.close()
        assert order == ["person", "batch"]

    def test_a_person_who_joins_a_batchs_load_takes_it_forward(self, house: House) -> None:
        loading = house.add("loading", waits=True)
        order: list[str] = []
        for id in ("alone", "joined"):
            house.add(id).before = partial(order.append, id)
        leases = [house.loader.ask("loading")]
        assert loading.started.wait(SOON)
        leases += [house.loader.ask(id, priority="batch") for id in ("alone", "joined")]
        until(lambda: len(house.loader._builder._order._waiting) == 2)
        leases.append(house.loader.ask("joined"))
        loading.go.set()
        for lease in leases:
            ready(lease)
            lease.close()
        assert order == ["joined", "alone"]


class TestWaitingForMemory:
    def test_a_load_waits_until_models_in_use_end(self) -> None:
        house = narrow()
        with house.loader.lease("used"):
            lease = house.loader.ask("large")
            until(lambda: house.state("large").progress is not None)
            note = next(lease.waiting(poll=0.001)).note
            assert note.en == "large waits for memory that other models use"
            assert house.state("large").status == "waiting"
        assert ready(lease).device == "cpu"
        assert house.machine.closed == ["used"]
        lease.close()
        house.empty()

    def test_small_loads_pass_meanwhile(self) -> None:
        house = narrow()
        house.add("small")
        with house.loader.lease("used"), house.loader.ask("large") as large:
            until(lambda: house.state("large").progress is not None)
            house.use("small")
            assert house.state("large").status == "waiting"
        del large
        until(lambda: "large" not in [state.id for state in house.loader.state()])
        house.empty()

    def test_after_a_while_they_wait_for_it_in_turn(self) -> None:
        house = narrow()
        small = house.add("small")
        with house.loader.lease("used"):
            large = house.loader.ask("large")
            until(lambda: house.state("large").progress is not None)
            house.clock.now += ASIDE + 1
            until(lambda: house.loader._builder._order._taken)
            time.sleep(0.15)  # Whether it comes to rest: it would step aside within a look.
            lease = house.loader.ask("small")
            for _ in range(3):
                next(lease.waiting(poll=0.05))
            assert small.loads == 0
        ready(large).device  # noqa: B018
        ready(lease)
        large.close()
        lease.close()
        house.empty()

    def test_its_patience_ends_in_a_refusal(self) -> None:
        house = House(Machine(cpu=10 * GB), patience=100.0)
        house.add("used", weight_bytes=6 * GB)
        house.add("large", weight_bytes=6 * GB)
        with house.loader.lease("used"):
            lease = house.loader.ask("large")
            until(lambda: house.state("large").progress is not None)
            house.clock.now += 101
            with pytest.raises(DoesNotFit, match=r"needs 7.0 GB, 4.0 GB free"):
                ready(lease)
            lease.close()
        house.use("large")
        house.empty()

    def test_what_models_in_use_could_not_free_is_refused_at_once(self) -> None:
        machine = Machine(cpu=10 * GB)
        house = House(machine)
        outside = machine.hold("cpu", 5 * GB)
        house.add("used", weight_bytes=2 * GB)
        house.add("large", weight_bytes=6 * GB)
        with house.loader.lease("used"), pytest.raises(DoesNotFit):
            house.use("large")
        del outside
        house.use("large")
        house.empty()

    def test_a_large_load_gets_its_turn_among_many_small_ones(self) -> None:
        house = House(Machine(cpu=10 * GB), clock=time.monotonic)
        for number in range(6):
            house.add(f"small {number}", weight_bytes=2 * GB)
        house.add("large", weight_bytes=8 * GB)
        stop = threading.Event()

        def visit(place: int) -> None:
            turn = place
            while not stop.is_set():
                house.use(f"small {turn % 6}")
                turn += 1

        visitors = Threads(3, visit)
        house.use("large")
        stop.set()
        assert visitors.join() == [None] * 3
        house.empty()
