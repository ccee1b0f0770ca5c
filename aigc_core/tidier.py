"""Models that nobody has used for a while are unloaded."""

import threading

from aigc_core.budget import Residents
from aigc_core.lease import Entry


class Tidier:
    """Unloads idle models after their time, by a thread that lives while any model is loaded.

    Args:
        residents: the books of what is in memory.
        idle_seconds: how long a model may be idle; None keeps them while there is room.
    """

    def __init__(self, residents: Residents[Entry], idle_seconds: float | None) -> None:
        self._residents, self._idle_seconds = residents, idle_seconds
        self.at_work = False

    def later(self) -> None:
        """Sees to it that idle models are unloaded after their time."""
        if self._idle_seconds is None:
            return
        with self._residents.changed:
            if self.at_work or self._residents.closed:
                return
            threading.Thread(
                target=self._tidy, args=(self._idle_seconds,), name="tidy", daemon=True
            ).start()
            self.at_work = True

    def _tidy(self, idle_seconds: float) -> None:
        changed = self._residents.changed
        while True:
            wait = self._residents.tidy(idle_seconds)
            with changed:
                if self._residents.closed or not self._residents.any_loaded():
                    self.at_work = False
                    return
                changed.wait_for(lambda: self._residents.closed, wait)
