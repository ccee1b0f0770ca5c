"""What replicas say of whether models fit, remembered: a page must not wait behind their runs."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from aigc_core.catalog import Entry
from aigc_core.fit import Fit

# Seconds that the first question may keep a page waiting, and for which an answer is good.
FIRST, FRESH = 0.2, 30.0


@dataclass
class Fits:
    """The latest answers.

    Each is asked for on a thread of its own, one at a time for each model.

    Args:
        ask: asks a replica, which may take long; None where none answers.
        clock: seconds that only grow.
    """

    ask: Callable[[Entry], Fit | None]
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[str, tuple[float, Fit]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def of(self, entry: Entry) -> Fit | None:
        """What was said last; None while nothing is known."""
        id = entry.model_dump_json()
        answers = SimpleQueue[Fit | None]()
        with self._lock:
            at, known = self._known.get(id, (0.0, None))
            if id in self._asked or (known is not None and self.clock() - at < FRESH):
                return known
            self._asked.add(id)
        asking = threading.Thread(target=self._learn, args=(id, entry, answers), daemon=True)
        try:
            asking.start()
        except RuntimeError:  # No thread is to be had now.
            with self._lock:
                self._asked.discard(id)
            return known
        if known is not None:
            return known
        try:
            return answers.get(timeout=FIRST)
        except Empty:
            return None

    def _learn(self, id: str, entry: Entry, answers: "SimpleQueue[Fit | None]") -> None:
        found: Fit | None = None
        try:
            found = self.ask(entry)
        finally:
            with self._lock:
                self._asked.discard(id)
                if found is not None:
                    self._known[id] = (self.clock(), found)
            answers.put(found)
