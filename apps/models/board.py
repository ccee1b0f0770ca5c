"""All that the models page shows, looked at once a second for all visitors together."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aigc_core import default_engine
from aigc_core.engine import Engine
from aigc_core.fit import Fit
from aigc_core.hub import settings
from aigc_core.hub.transfer import Transfer
from aigc_core.status import ModelState, Status
from aigc_core.stock import Inventory, Stock, inventory
from aigc_core.text import Text
from apps.models import words
from apps.models.downloads import DOWNLOADS, Downloads
from apps.ui import runs

# Seconds for which a look at the loader, and one at the disk, is good.
FRESH, DISK_FRESH = 0.8, 5.0


@dataclass(frozen=True)
class Row:
    """One model.

    Args:
        fit: whether and how it fits this machine; None where that is no question.
        problem: why it cannot be used now.
        failed: why its last download failed.
        transfer: how far its download is; None while there is none.
        ours: whether the owner started that download, and so can end it.
        state: as the loader knows it; None while it does not.
    """

    stock: Stock
    fit: Fit | None
    problem: Text | None
    failed: Text | None
    transfer: Transfer | None
    ours: bool
    state: ModelState | None


@dataclass(frozen=True)
class Board:
    """Everything at one moment.

    Args:
        disk_free: bytes free where downloads go.
        queue: runs that wait for their turn or for a model.
    """

    status: Status
    rows: tuple[Row, ...]
    inventory: Inventory
    disk_free: int
    queue: int


@dataclass(frozen=True)
class Files:
    """A look at the files.

    Args:
        at: when.
        fetching: the downloads that were under way.
        problems: why a model cannot be used, as far as its files and settings tell.
        fits: whether and how the models of the hub fit this machine.
        free: bytes free where downloads go.
    """

    at: float
    fetching: frozenset[str]
    inventory: Inventory
    problems: Mapping[str, Text | None]
    fits: Mapping[str, Fit]
    free: int


class Boards:
    """The latest look.

    Args:
        engine: whose models are shown.
        downloads: of the owner.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        downloads: Downloads,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._downloads, self._clock = engine, downloads, clock
        self._lock = threading.Lock()
        self._board: tuple[float, Board] | None = None
        self._files: Files | None = None

    def now(self) -> Board:
        """How things are, or were a moment ago."""
        with self._lock:
            at = self._clock()
            if self._board is None or at - self._board[0] > FRESH:
                self._board = (at, self._look(at))
            return self._board[1]

    def stale(self) -> None:
        """Something was changed on purpose: the next look is a new one."""
        with self._lock:
            self._board = self._files = None

    def _look(self, at: float) -> Board:
        engine = self._engine()
        status = engine.loader.status()
        transfers = {fetch.id: fetch.transfer for fetch in status.fetches}
        files = self._look_at_files(engine, at, frozenset(transfers))
        states = {state.id: state for state in status.models}
        running = self._downloads.running
        rows = []
        for stock in files.inventory.models:
            id = stock.entry.id
            rows.append(
                Row(
                    stock,
                    fit=files.fits.get(id),
                    problem=last_failure(states.get(id)) or files.problems[id],
                    failed=self._downloads.failed.get(id),
                    transfer=transfers.get(id, Transfer(0, 0) if id in running else None),
                    ours=id in running,
                    state=states.get(id),
                )
            )
        waiting = sum(state.waiting for state in status.models) + runs.TURNS.waiting
        return Board(status, tuple(rows), files.inventory, files.free, waiting)

    def _look_at_files(self, engine: Engine, at: float, fetching: frozenset[str]) -> Files:
        """What lies where; looked at anew when a download began or ended."""
        kept = self._files
        if kept is None or at - kept.at > DISK_FRESH or kept.fetching != fetching:
            entries = tuple(engine.catalog.entries.values())
            self._files = Files(
                at,
                fetching,
                inventory(entries),
                problems={entry.id: entry.problem() for entry in entries},
                # Here, since it reads the headers of all weights that are on the disk.
                fits={entry.id: engine.fit(entry) for entry in entries if entry.origin == "hub"},
                free=free_disk(),
            )
            return self._files
        return kept


def last_failure(state: ModelState | None) -> Text | None:
    """Why a model could not be loaded the last time."""
    if state is None or state.status != "failed" or state.reason is None:
        return None
    return words.LOAD_FAILED.fill(why=state.reason)


def free_disk() -> int:
    """Bytes free where downloads go; 0 where nobody can tell."""
    folder = settings.cache()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


BOARDS = Boards(lambda: default_engine(), DOWNLOADS)
