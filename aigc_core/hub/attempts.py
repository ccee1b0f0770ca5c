"""Asking again: bounded, with pauses that grow, and as late as the hub wants."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aigc_core.hub import patience
from aigc_core.hub.meter import Meter
from aigc_core.hub.patience import Again

T = TypeVar("T")


async def attempts(
    meter: Meter,
    work: Callable[[], Awaitable[T]],
    progress: Callable[[], int] = lambda: 0,
    *,
    hurry: bool = False,
) -> T:
    """What the work gives, when it has succeeded.

    Args:
        work: may raise `Again`.
        progress: grows when an attempt brought something, which makes us patient anew.
        hurry: a hub that does not answer is asked once more at most.

    Raises:
        HubError: the last one, when patience ends or when another attempt cannot help.
    """
    failures, before = 0, progress()
    while True:
        await meter.until_asking()
        try:
            return await work()
        except Again as again:
            pauses = patience.PATIENCE.pauses
            brought, before = progress() > before, progress()
            failures = 1 if brought else failures + 1
            told = again.after is not None
            most = 1 if hurry and not told else len(pauses)
            if failures > most:
                raise again.error from again
            pause = max(pauses[failures - 1], again.after or 0.0)
            if pause > patience.PATIENCE.longest:
                raise again.error from again
        await meter.pause(pause, told=told)
