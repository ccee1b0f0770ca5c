"""Requests in the calling thread, while whoever waits is told at each step of a clock."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aigc_core.errors import Cancelled
from aigc_core.hub.meter import Meter

T = TypeVar("T")


class Careless(ThreadPoolExecutor):
    """Threads that nobody waits for.

    A name server that does not answer holds its thread for half a minute, and the end of an event
    loop would wait for it.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        super().shutdown(wait=False, cancel_futures=True)


def run(meter: Meter, work: Callable[[], Awaitable[T]]) -> T:
    """What the work gives; ends it as soon as the meter's report raises.

    Not to be called where an event loop runs already.
    """
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(Careless(thread_name_prefix="hub"))
        try:
            return runner.run(beside(meter, work))
        except BaseExceptionGroup as group:
            error = foremost(group)
            raise error from error.__cause__


async def beside(meter: Meter, work: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.TaskGroup() as group:
        clock = group.create_task(meter.run())
        await asyncio.sleep(0)  # It tells once before anything begins.
        try:
            return await work()
        finally:
            clock.cancel()


def foremost(group: BaseExceptionGroup) -> BaseException:
    """Of errors that came together, the wish to stop, or else the first."""
    errors = list(leaves(group))
    return next((error for error in errors if isinstance(error, Cancelled)), errors[0])


def leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
