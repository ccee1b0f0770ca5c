"""How far a download is."""

from collections.abc import Callable
from dataclasses import dataclass


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


def quietly(transfer: Transfer) -> None:
    """Tells nobody."""
