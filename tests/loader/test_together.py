"""Several models at once: nobody waits in a circle, whatever the order and the memory."""

import random
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from aigc_core.errors import Cancelled, DoesNotFit, UnknownModel
from aigc_core.events import Progress
from aigc_core.lease import YIELDING
from tests.loader.house import GB, House, Machine, Threads, ready
from tests.waiting import SOON, until


def meet(house: House, pairs: list[tuple[str, str]], rounds: int, count: int) -> None:
    """Threads that ask for pairs at the same time until each had its own often enough."""

    def visit(place: int) -> int:
        luck = random.Random(place)
        for turn in range(rounds):
            ids = pairs[(place + turn) % len(pairs)]
            with house.loader.together(*ids) as group:
                for _ in group.waiting(poll=0.005):
                    pass
                assert [model.id for model in group.models] == list(ids)
                assert not any(model.closed for model in group.models)
                time.sleep(luck.uniform(0, 0.002))
        return rounds

    assert Threads(count, visit).join() == [rounds] * count
    house.empty()


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "exclusive"])
def test_opposite_orders(shared: bool) -> None:
    house = House(clock=time.monotonic)
    for id in ("a", "b", "c"):
        house.add(id, shared=shared)
    meet(house, [("a", "b"), ("b", "a"), ("c", "a"), ("b", "c")], rounds=15, count=6)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "exclusive"])
def test_memory_for_one_pair_at_a_time(shared: bool) -> None:
    # Each takes 1.1 + 0.4 GB to load: any two fit, and no third beside them.
    house = House(Machine(cpu=round(2.9 * GB)), clock=time.monotonic)
    for id in ("a", "b", "c", "d"):
        house.add(id, shared=shared)
    meet(house, [("a", "b"), ("c", "d"), ("d", "a"), ("b", "c")], rounds=4, count=4)


def test_who_holds_what_others_wait_for_is_sent_back_and_others_are_not() -> None:
    house = House(Machine(cpu=round(2.9 * GB)), clock=time.monotonic)
    for id in ("a", "b", "z"):
        house.add(id)
    house.use("a")
    with house.loader.together("a", "z") as first, house.loader.together("b", "z") as second:
        notes = [first.waiting(poll=0.01), second.waiting(poll=0.01)]
        with house.loader.lease("b"):
            for steps in notes:
                next(steps)
            assert [house.state(id).refs for id in ("a", "b")] == [1, 2]
            alone = house.loader.ask("z")
            next(alone.waiting(poll=0.2))
        # Each pair holds one model and waits for z, and so does somebody who holds nothing.
        for steps in notes:
            until_sent_back(steps)
        assert ready(alone).id == "z"
        alone.close()
        for group, steps in zip((first, second), notes, strict=True):
            list(steps)
            assert group.models[1].id == "z"
            group.close()
    house.empty()


def until_sent_back(steps: Iterator[Progress]) -> None:
    for progress in steps:
        if progress.note == YIELDING:
            return
    pytest.fail("it was not sent back")


def test_the_same_model_twice_is_one_lease() -> None:
    house = House()
    house.add("a", shared=False)
    with house.loader.together("a", "a") as group:
        list(group.waiting())
        assert group.models[0] is group.models[1]
        assert house.state("a").refs == 1
    house.empty()


def test_what_can_never_fit_together_is_refused_in_the_end() -> None:
    house = House(Machine(cpu=round(2.4 * GB)), clock=time.monotonic, patience=0.3)
    house.add("a")
    house.add("b")
    with house.loader.together("a", "b") as group, pytest.raises(DoesNotFit):
        list(group.waiting(poll=0.01))
    house.empty()


def test_one_that_fails_gives_the_others_back() -> None:
    house = House()
    house.add("a")
    house.add("b", failures=[ValueError("a bug")])
    with house.loader.together("a", "b") as group, pytest.raises(ValueError, match="a bug"):
        list(group.waiting())
    with house.loader.together("a", "nobody") as group, pytest.raises(UnknownModel):
        list(group.waiting())
    house.empty()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_waiting_that_is_broken_off_gives_everything_back(steps: int) -> None:
    house = House()
    house.add("a")
    slow = house.add("b", waits=True, steps=True)
    with house.loader.together("a", "b") as group, closing(group.waiting(poll=0.01)) as notes:
        for _ in range(steps):
            next(notes)
        assert house.state("a").refs == 1
    until(lambda: "b" not in [state.id for state in house.loader.state()])
    slow.go.set()
    house.empty()


def test_closing_it_elsewhere_ends_its_waiting() -> None:
    house = House()
    house.add("a")
    house.add("b", waits=True, steps=True)
    group = house.loader.together("a", "b")
    waiter = Threads(1, lambda _: list(group.waiting(poll=SOON)))
    until(lambda: len(group._leases) == 2)
    group.close()
    (answer,) = waiter.join()
    assert isinstance(answer, Cancelled)
    house.empty()
