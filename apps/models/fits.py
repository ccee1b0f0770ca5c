"""Whether models fit, asked of the engine in the background, so that no page waits for that."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from aigc_core.catalog import Entry
from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.fit import Fit

log = logging.getLogger(__name__)

# Seconds for which answers are good, and for which a first one is waited for.
FRESH, PATIENCE = 5.0, 2.0

Known = dict[tuple[str, str], Fit | None]


class Fits:
    """The latest answers; one thread at a time asks for new ones.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Known = {}
        self._at = 0.0
        self._asking: threading.Event | None = None

    def of(self, engine: Engine, entries: Sequence[Entry]) -> Mapping[str, Fit]:
        """By id, what is known, or was a moment ago; without those that nobody can tell yet."""
        wanted = {(entry.id, entry.revision): entry for entry in entries}
        with self._lock:
            new = not wanted.keys() <= self._known.keys()
            if (new or self._clock() - self._at > FRESH) and self._asking is None:
                self._ask(engine, list(wanted.values()))
            asking = self._asking
        if new and asking is not None:
            asking.wait(PATIENCE)
        with self._lock:
            known = {id: self._known.get((id, revision)) for id, revision in wanted}
        return {id: fit for id, fit in known.items() if fit is not None}

    def _ask(self, engine: Engine, entries: list[Entry]) -> None:
        """Starts to ask; the lock is held."""
        done = threading.Event()
        threading.Thread(
            target=self._work, args=(engine, entries, done), name="fits", daemon=True
        ).start()
        self._asking = done

    def _work(self, engine: Engine, entries: list[Entry], done: threading.Event) -> None:
        found: Known = {}
        try:
            for entry in entries:
                found[entry.id, entry.revision] = asked(engine, entry)
        finally:
            with self._lock:
                self._known, self._at, self._asking = found, self._clock(), None
            done.set()


def asked(engine: Engine, entry: Entry) -> Fit | None:
    """What the engine says; its reason where it cannot say, as with damaged files."""
    try:
        return engine.fit(entry)
    except AigcError as error:
        return Fit("no", error.text)
    except Exception:
        log.exception("nobody can tell whether %s fits", entry.id)
        return None
