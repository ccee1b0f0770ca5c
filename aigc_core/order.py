"""One at a time, and who comes next."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Rank = Callable[[], tuple[Any, ...]]


class Order:
    """A turn that is taken by one at a time, the lowest rank of those who wait first.

    Ranks are asked anew at each change of hands, since waiting may raise one.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Rank] = []
        self._taken = False

    @contextmanager
    def turn(self, rank: Rank, check: Callable[[], None], poll: float = 0.1) -> Iterator[None]:
        """Holds the turn while the `with` lasts.

        Args:
            check: called every `poll` seconds of waiting; what it raises ends the waiting.
        """
        with self._changed:
            self._waiting.append(rank)
        try:
            while not self._next(rank, poll):
                check()
        except BaseException:
            with self._changed:
                self._waiting.remove(rank)
                self._changed.notify_all()
            raise
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()

    def _next(self, rank: Rank, seconds: float) -> bool:
        """Takes the turn where it is this one's within the time."""

        def mine() -> bool:
            return not self._taken and min(self._waiting, key=lambda waiting: waiting()) is rank

        with self._changed:
            if not self._changed.wait_for(mine, seconds):
                return False
            self._waiting.remove(rank)
            self._taken = True
            return True
