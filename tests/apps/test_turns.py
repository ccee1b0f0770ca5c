import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aigc_core.errors import TooBusy
from apps.ui.turns import Place, Turns, Visitor


def enter(turns: Turns, *names: str) -> list[Place]:
    """Places for jobs written as `address/session`."""
    return [turns.enter(Visitor(*name.split("/"))) for name in names]


@asynccontextmanager
async def turn(turns: Turns, visitor: Visitor) -> AsyncIterator[None]:
    """Waits for the visitor's turn as a run does, and holds it."""
    place = turns.enter(visitor)
    try:
        await place.called.wait()
        yield
    finally:
        turns.leave(place)


def order(turns: Turns, first: Place, waiting: dict[str, Place]) -> list[str]:
    """In which order the waiting are called when each job gives its turn back at once."""
    called, now = [], first
    left = dict(waiting)
    while left:
        turns.leave(now)
        (name,) = [name for name, place in left.items() if place.called.is_set()]
        called.append(name)
        now = left.pop(name)
    turns.leave(now)
    return called


def queue(turns: Turns, *names: str) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for name in names:
        who = name.rstrip("0123456789")
        (places[name],) = enter(turns, who)
    return places


def test_free_turns_are_called_at_once() -> None:
    turns = Turns(running=2)
    first, second, third = enter(turns, "a/x", "a/x", "a/x")
    assert first.called.is_set()
    assert second.called.is_set()
    assert not third.called.is_set()
    assert [turns.position(place) for place in (first, second, third)] == [0, 0, 0]


def test_the_round_goes_over_addresses() -> None:
    turns = Turns(running=1)
    (running,) = enter(turns, "z/z")
    waiting = queue(turns, "a/x1", "a/x2", "a/x3", "b/x1", "c/x1", "c/x2")
    assert order(turns, running, waiting) == ["a/x1", "b/x1", "c/x1", "a/x2", "c/x2", "a/x3"]


def test_within_an_address_the_round_goes_over_sessions() -> None:
    turns = Turns(running=1)
    (running,) = enter(turns, "z/z")
    waiting = queue(turns, "a/x1", "a/x2", "a/y1", "b/x1", "b/x2")
    assert order(turns, running, waiting) == ["a/x1", "b/x1", "a/y1", "b/x2", "a/x2"]


def test_many_sessions_of_one_address_do_not_crowd_another_out() -> None:
    turns = Turns(running=1)
    (running,) = enter(turns, "z/z")
    crowd = [f"a/s{chr(97 + i)}" for i in range(20)]
    waiting = queue(turns, *crowd, "b/x")
    assert order(turns, running, waiting)[1] == "b/x"


def test_a_session_may_have_so_many_waiting() -> None:
    turns = Turns(running=1, per_session=3)
    places = enter(turns, *["a/x"] * 4)
    with pytest.raises(TooBusy, match="3 runs waiting"):
        enter(turns, "a/x")
    enter(turns, "a/y", "b/x")
    turns.leave(places[0])
    enter(turns, "a/x")


def test_an_address_may_have_so_many_waiting() -> None:
    turns = Turns(running=1, per_session=8, per_address=3)
    enter(turns, "a/w", "a/x", "a/y", "a/z")
    with pytest.raises(TooBusy, match="3 runs from your network"):
        enter(turns, "a/new")
    enter(turns, "b/x")


def test_refusing_leaves_nothing_behind() -> None:
    turns = Turns(running=1, per_session=0)
    (running,) = enter(turns, "a/x")
    with pytest.raises(TooBusy):
        enter(turns, "b/x")
    turns.leave(running)
    assert turns.free == 1
    assert not turns.lines


def test_positions_tell_how_many_are_called_before() -> None:
    rng = random.Random(0)
    for _ in range(50):
        turns = Turns(running=1)
        (running,) = enter(turns, "z/z")
        names = [f"{rng.choice('abc')}/{rng.choice('xyz')}{i}" for i in range(rng.randint(1, 15))]
        waiting = queue(turns, *names)
        told = {name: turns.position(place) for name, place in waiting.items()}
        called = order(turns, running, waiting)
        assert told == {name: place for place, name in enumerate(called)}


def test_leaving_while_waiting_gives_up_the_place_only() -> None:
    turns = Turns(running=1)
    running, first, second = enter(turns, "a/x", "a/x", "a/x")
    turns.leave(first)
    assert turns.position(second) == 0
    turns.leave(running)
    assert second.called.is_set()
    assert not first.called.is_set()
    turns.leave(second)
    assert turns.free == 1
    assert not turns.lines


def test_a_turn_is_given_back_after_an_error() -> None:
    async def fail(turns: Turns) -> None:
        async with turn(turns, Visitor("a", "x")):
            raise RuntimeError

    turns = Turns(running=1)
    with pytest.raises(RuntimeError):
        asyncio.run(fail(turns))
    assert turns.free == 1


def test_a_thousand_jobs_that_come_wait_run_and_leave_lose_no_turn() -> None:
    rng = random.Random(0)
    turns = Turns(running=4, per_session=3, per_address=7)
    running, most, refused = 0, 0, 0

    async def job(visitor: Visitor) -> None:
        nonlocal running, most, refused
        try:
            async with turn(turns, visitor):
                running += 1
                most = max(most, running)
                try:
                    await asyncio.sleep(rng.random() * 0.004)
                    if rng.random() < 0.1:
                        raise RuntimeError
                finally:
                    running -= 1
        except TooBusy:
            refused += 1

    async def all_of_them() -> None:
        jobs: list[asyncio.Task[None]] = []
        for _ in range(1000):
            visitor = Visitor(rng.choice("abcd"), rng.choice("xyz"))
            jobs.append(asyncio.create_task(job(visitor)))
            if rng.random() < 0.3:
                rng.choice(jobs).cancel()
            if rng.random() < 0.2:
                await asyncio.sleep(rng.random() * 0.002)
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert all(
            r is None or isinstance(r, RuntimeError | asyncio.CancelledError) for r in results
        )

    asyncio.run(all_of_them())
    assert most == 4
    assert refused
    assert turns.free == 4
    assert not turns.lines


def test_a_wait_that_is_cancelled_as_it_is_called_gives_the_turn_back() -> None:
    async def race() -> Turns:
        turns = Turns(running=1)
        first = turns.enter(Visitor("a", "x"))

        async def job() -> None:
            async with turn(turns, Visitor("b", "x")):
                await asyncio.sleep(60)

        waiting = asyncio.create_task(job())
        await asyncio.sleep(0)
        turns.leave(first)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return turns

    turns = asyncio.run(race())
    assert turns.free == 1
    assert not turns.lines
