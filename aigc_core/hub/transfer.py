"""How far a download is."""

from collections.abc import Callable
from dataclasses import dataclass

from aigc_core.text import Text


@dataclass(frozen=True)
class Transfer:
    """How far a download is.

    Args:
        done: bytes that are on the disk; while verifying, bytes that have been compared.
        total: bytes of all files; 0 while nobody knows.
        seconds_left: at the pace of the last seconds; None while nobody can say.
        verifying: all bytes are here and their checksums are being compared.
        waiting: seconds until the hub, which asked for patience, is asked again; else None.
    """

    done: int
    total: int
    seconds_left: float | None = None
    verifying: bool = False
    waiting: float | None = None


Report = Callable[[Transfer], None]
"""Called at least every 0.1 s, also when nothing comes; raises `Cancelled` to end the download."""


SECONDS_LEFT = Text("{count} s left", "剩余 {count} 秒")
MINUTES_LEFT = Text("{count} min left", "剩余 {count} 分钟")
HOURS_LEFT = Text("{count} h left", "剩余 {count} 小时")


def time_left(seconds: float) -> Text:
    """A time, as exact as it deserves."""
    if seconds < 120:
        return SECONDS_LEFT.fill(count=max(1, round(seconds)))
    if seconds < 7200:
        return MINUTES_LEFT.fill(count=round(seconds / 60))
    return HOURS_LEFT.fill(count=round(seconds / 3600))


def quietly(transfer: Transfer) -> None:
    """Tells nobody."""
