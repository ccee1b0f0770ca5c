"""How far a download is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Transfer:
    """How far a download is.

    Args:
        done: bytes that are on the disk.
        total: bytes of all files; 0 while nobody knows.
        seconds_left: at the pace of the last seconds; None while nobody can say.
        verifying: all bytes are here and their checksums are being compared.
    """

    done: int
    total: int
    seconds_left: float | None = None
    verifying: bool = False


Report = Callable[[Transfer], None]
"""Called at least every 0.1 s, also when nothing comes; raises `Cancelled` to end the download."""
