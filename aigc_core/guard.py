"""A lock that knows whether this thread holds it.

Python's collector runs finalisers wherever it happens to start, in the middle of a locked section
too. A run that was dropped is closed there, and gives its lease back: with a lock that its thread
holds already, it would wait for itself. Whoever may be called by a finaliser asks first.
"""

import threading
from typing import Self


class Guard:
    """A lock, also for a `threading.Condition`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: set[int] = set()

    @property
    def mine(self) -> bool:
        """Whether this thread holds it, or is just about to."""
        return threading.get_ident() in self._inside

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        before = self.mine
        # Noted first, so that there is no moment in which it is held and nobody knows.
        self._inside.add(threading.get_ident())
        taken = self._lock.acquire(blocking, timeout)
        if not taken and not before:
            self._inside.discard(threading.get_ident())
        return taken

    def release(self) -> None:
        self._lock.release()
        self._inside.discard(threading.get_ident())

    def _is_owned(self) -> bool:
        """What a condition asks before it wakes anybody."""
        return self.mine

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()
