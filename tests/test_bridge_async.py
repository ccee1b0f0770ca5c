import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator

import numpy as np
import pytest

from aigc_core import bridge
from aigc_core.bridge import run_async
from aigc_core.events import Event, Preview, Progress, Result
from aigc_core.media import Image
from aigc_core.text import Text
from tests.waiting import SOON

NOTE, ALIVE = Text("working", "进行中"), Text("alive", "还在")
Make = Callable[[], AsyncGenerator[Event, None]]


def preview(step: int) -> Preview:
    return Preview(Image(np.zeros((1, 1), np.uint8)), step)


def run(make: Make) -> Generator[Event, None, None]:
    return run_async(make, lambda: Progress(0, 0, ALIVE))


def notes(events: list[Event]) -> list[Text]:
    return [event.note for event in events if isinstance(event, Progress)]


def test_events_come_in_order_and_the_result_is_the_last() -> None:
    async def make() -> AsyncGenerator[Event, None]:
        for step in range(3):
            yield preview(step)
            await asyncio.sleep(0.05)
        yield Result(())
        await asyncio.sleep(3 * bridge.BEAT)

    *events, last = run(make)
    assert last == Result(())
    steps = [event.step for event in events if isinstance(event, Preview)]
    assert steps == sorted(steps)
    assert steps


def test_silence_is_filled_with_signs_of_life() -> None:
    async def make() -> AsyncGenerator[Event, None]:
        await asyncio.sleep(4 * bridge.BEAT)
        yield Result(())

    assert notes(list(run(make)))[:2] == [ALIVE, ALIVE]


def test_closing_cancels_what_is_waited_for_and_waits_for_its_end() -> None:
    ended: list[str] = []

    async def make() -> AsyncGenerator[Event, None]:
        yield preview(0)
        try:
            await asyncio.sleep(SOON)
        finally:
            await asyncio.sleep(0.05)
            ended.append(threading.current_thread().name)

    stream = run(make)
    while not isinstance(next(stream), Preview):
        pass
    next(stream)
    start = time.monotonic()
    stream.close()
    assert time.monotonic() - start < 2
    assert ended == ["bridge"]


def test_closing_between_two_events_runs_the_finally_clauses() -> None:
    ended: list[int] = []

    async def make() -> AsyncGenerator[Event, None]:
        try:
            for step in range(10**6):
                yield preview(step)
                await asyncio.sleep(0)
        finally:
            ended.append(1)

    stream = run(make)
    next(stream)
    stream.close()
    assert ended == [1]


def test_what_it_raises_comes_out_after_its_events() -> None:
    async def make() -> AsyncGenerator[Event, None]:
        yield preview(7)
        raise ZeroDivisionError("here")

    stream = run(make)
    while not isinstance(next(stream), Preview):
        pass
    with pytest.raises(ZeroDivisionError, match="here"):
        list(stream)


def test_it_runs_where_an_event_loop_runs_already() -> None:
    async def make() -> AsyncGenerator[Event, None]:
        yield Result(())

    async def within() -> list[Event]:
        return list(run(make))

    assert asyncio.run(within())[-1] == Result(())


def test_steps_may_come_from_any_thread() -> None:
    async def make() -> AsyncGenerator[Event, None]:
        for step in range(5):
            yield preview(step)
            await asyncio.sleep(0.01)
        yield Result(())

    stream, events = run(make), []
    while not events or not isinstance(events[-1], Result):
        thread = threading.Thread(target=lambda: events.append(next(stream)))
        thread.start()
        thread.join(SOON)
    assert next(stream, None) is None
