"""From callbacks to events: how code that calls back becomes a generator.

A pipeline that reports through callbacks keeps its thread until it is done. So it works in a
thread of its own, and what its callbacks emit comes out of a generator in the caller's.
"""

import asyncio
import contextvars
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, suppress
from typing import Any, Generic, TypeVar

import anyio.to_thread

from aigc_core.errors import Cancelled
from aigc_core.events import Finished, Preview, Progress, Result

logger = logging.getLogger(__name__)

E = TypeVar("E", bound=Progress | Preview | Result | Finished)
T = TypeVar("T")


def run_in_thread(work: Callable[[Callable[[E], None]], T]) -> Generator[E, None, T]:
    """Runs `work(emit)` in a thread and yields what it emits; the generator returns its answer.

    The thread starts at the first step, with a copy of the caller's context variables, and has
    ended when the generator ends, whichever way that comes about. `emit` never waits: when events
    come faster than they are taken, a newer Preview replaces the one before it, and so does a
    Progress; everything else arrives, in order.

    Closing the generator makes the next `emit` raise `Cancelled` inside `work`, which should let
    it pass: a work that emits once per step ends within one step.

    Raises:
        BaseException: what `work` raised, with its traceback, after the events before it.
    """
    job = Job(work)
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(job.run,), name="bridge", daemon=True
    )
    thread.start()
    try:
        while (event := job.take()) is not None:
            yield event
    finally:
        job.cancel()
        thread.join()
    return job.answer()


class Job(Generic[E, T]):
    """One work, and the events between its thread and its consumer's."""

    def __init__(self, work: Callable[[Callable[[E], None]], T]) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._events: list[E] = []
        self._cancelled = False
        self._ended = False
        self._answers: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Does the work, on the worker's thread."""
        try:
            self._answers.append(self._work(self._emit))
        except BaseException as error:
            if not self._cancelled:
                self._error = error
            elif not isinstance(error, Cancelled):
                logger.exception("cancelled work failed as it ended")
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self) -> E | None:
        """The next event, waited for; None when the work has ended and all were taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._ended)
            return self._events.pop(0) if self._events else None

    def cancel(self) -> None:
        """Lets the next `emit` raise."""
        with self._changed:
            self._cancelled = True

    def answer(self) -> T:
        """What the ended work returned or raised."""
        if self._error is None:
            return self._answers.pop()
        try:
            raise self._error
        finally:
            # Its traceback holds this frame and, through the work's, its tensors.
            self._error = None

    def _emit(self, event: E) -> None:
        with self._changed:
            if self._cancelled:
                raise Cancelled
            if isinstance(event, Preview | Progress):
                self._events = [e for e in self._events if type(e) is not type(event)]
            self._events.append(event)
            self._changed.notify()


# Seconds between signs of life of a stream from which nothing comes.
BEAT = 0.1


def run_async(
    make: Callable[[], AsyncGenerator[E, None]], alive: Callable[[], E]
) -> Generator[E, None, None]:
    """Yields what an asynchronous generator yields, and signs of life while nothing comes.

    It works in an event loop and a thread of its own, so that a server's silence holds nobody up:
    closing the generator cancels what it waits for within `BEAT` seconds, runs its `finally`
    clauses, and returns when they are through.

    Args:
        make: gives the generator, inside the loop; it need not be closed.
        alive: what to yield every `BEAT` seconds until the last word; a Progress or a Preview.

    Raises:
        BaseException: what the generator raised, after the events before it.
    """

    def work(emit: Callable[[E], None]) -> None:
        asyncio.run(beside(make, alive, emit))

    yield from run_in_thread(work)


async def to_the_end(work: Callable[..., Any], *values: Any) -> Any:
    """Works on a thread, and stays until the end of it even when cancelled meanwhile.

    A generator in the middle of a step can be neither closed nor left alone.
    """
    working = asyncio.ensure_future(anyio.to_thread.run_sync(work, *values))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await ended(working)
        raise


async def ended(working: asyncio.Future[Any]) -> None:
    """Waits for the end of it, even when cancelled meanwhile."""
    while not working.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([working])
    if not working.cancelled():
        working.exception()


async def beside(
    make: Callable[[], AsyncGenerator[E, None]], alive: Callable[[], E], emit: Callable[[E], None]
) -> None:
    """Emits what a generator yields, and signs of life beside it; ends with either of the two."""
    said_all = False

    async def read() -> None:
        nonlocal said_all
        async with aclosing(make()) as stream:
            async for event in stream:
                said_all = isinstance(event, Result | Finished)
                emit(event)

    async def beat() -> None:
        while True:
            if not said_all:
                emit(alive())
            await asyncio.sleep(BEAT)

    tasks = [asyncio.ensure_future(read()), asyncio.ensure_future(beat())]
    ended, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in ended:
        task.result()
