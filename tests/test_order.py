import threading
from functools import partial
from itertools import count

import pytest

from aigc_core.order import Order
from tests.waiting import SOON, end, start, until


class Stop(Exception):
    pass


def never() -> None:
    """Nobody has to stop."""


def queue(order: Order, ranks: dict[str, int], served: list[str]) -> list[threading.Thread]:
    """Threads that wait for a turn each, in the order of the names, while somebody has it."""

    def wait(name: str) -> None:
        with order.turn(lambda: (ranks[name],), never):
            served.append(name)

    threads = []
    for place, name in enumerate(ranks, start=1):
        threads.append(start(partial(wait, name)))
        until(lambda place=place: len(order._waiting) == place)  # type: ignore[misc]
    return threads


def test_the_lowest_rank_comes_first_and_equals_in_their_order() -> None:
    order, served = Order(), list[str]()
    with order.turn(lambda: (0,), never):
        threads = queue(order, {"c": 3, "a": 1, "also a": 1, "b": 2}, served)
    end(*threads)
    assert served == ["a", "also a", "b", "c"]


def test_ranks_are_asked_anew_at_each_change_of_hands() -> None:
    order, served = Order(), list[str]()
    ranks = {"first": 1, "second": 2}
    with order.turn(lambda: (0,), never):
        threads = queue(order, ranks, served)
        ranks["second"] = 0
    end(*threads)
    assert served == ["second", "first"]


def test_ranks_that_change_all_the_time_hold_nobody_up() -> None:
    order, served = Order(), list[str]()
    asked = count()

    def take(name: str) -> None:
        # Another rank at every question, so that each of them is the first now and then.
        with order.turn(lambda: (next(asked) % 3,), never, poll=0.01):
            served.append(name)

    with order.turn(lambda: (0,), never):
        flickering = [start(partial(take, name)) for name in ("x", "y", "z")]
        until(lambda: len(order._waiting) == 3)
    end(*flickering)
    assert sorted(served) == ["x", "y", "z"]


def test_one_at_a_time_under_many_threads() -> None:
    order, inside, most = Order(), [0], [0]

    def work() -> None:
        for number in range(30):
            with order.turn(lambda number=number: (number % 5,), never):  # type: ignore[misc]
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    end(*[start(work) for _ in range(8)])
    assert (most, inside, order._waiting, order._taken) == ([1], [0], [], False)


def test_who_stops_waiting_lets_the_next_go_first() -> None:
    order, served = Order(), list[str]()
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise Stop

    def impatient() -> None:
        with pytest.raises(Stop), order.turn(lambda: (0,), check, poll=0.01):
            served.append("impatient")

    with order.turn(lambda: (0,), never):
        first = start(impatient)
        until(lambda: len(order._waiting) == 1)
        threads = queue_one(order, served)
        stopped.set()
        end(first)
    end(*threads)
    assert served == ["patient"]


def queue_one(order: Order, served: list[str]) -> list[threading.Thread]:
    def patient() -> None:
        with order.turn(lambda: (1,), never):
            served.append("patient")

    thread = start(patient)
    until(lambda: len(order._waiting) == 2)
    return [thread]


def test_an_error_inside_gives_the_turn_back() -> None:
    order = Order()
    with pytest.raises(Stop), order.turn(lambda: (0,), never):
        raise Stop
    entered = threading.Event()

    def enter() -> None:
        with order.turn(lambda: (0,), never):
            entered.set()

    end(start(enter))
    assert entered.wait(SOON)
