"""All that the models page shows, looked at once a second for all visitors together."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aigc_core import default_engine
from aigc_core.engine import Engine
from aigc_core.fit import Fit
from aigc_core.hub import settings
from aigc_core.hub.disk import free_bytes
from aigc_core.hub.transfer import Transfer
from aigc_core.status import ModelState, Status
from aigc_core.stock import Inventory, Stock, inventory
from aigc_core.text import Text
from apps.models import words
from apps.models.downloads import DOWNLOADS, Downloads
from apps.models.fits import Fits
from apps.ui import runs

# Seconds for which a look at the loader is good; and one at the disk, while we change nothing.
FRESH, DISK_FRESH = 0.8, 60.0


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
        free: bytes free where downloads go.
    """

    at: float
    fetching: frozenset[str]
    inventory: Inventory
    problems: Mapping[str, Text | None]
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
        self._fits = Fits(clock)
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        # What was seen last, all with the lock; a look of before the last change is not kept.
        self._changes = 0
        self._board: tuple[float, Board] | None = None
        self._files: Files | None = None

    def now(self) -> Board:
        """How things are, or were a moment ago: one looks, others see what was seen before."""
        kept = self._kept()
        if kept is not None and kept[1]:
            return kept[0]
        if not self._turn.acquire(blocking=kept is None):
            assert kept is not None
            return kept[0]
        try:
            kept = self._kept()  # By whoever had the turn before.
            if kept is not None and kept[1]:
                return kept[0]
            with self._lock:
                at, changes = self._clock(), self._changes
            board = self._look(at, changes)
            with self._lock:
                if changes == self._changes:
                    self._board = (at, board)
            return board
        finally:
            self._turn.release()

    def stale(self) -> None:
        """Something was changed on purpose: the next look is a new one."""
        with self._lock:
            self._changes += 1
            self._board = self._files = None

    def _kept(self) -> tuple[Board, bool] | None:
        """The last board, and whether it is fresh."""
        with self._lock:
            if self._board is None:
                return None
            at, board = self._board
            return board, self._clock() - at <= FRESH

    def _look(self, at: float, changes: int) -> Board:
        engine = self._engine()
        status = engine.loader.status()
        transfers = {fetch.id: fetch.transfer for fetch in status.fetches}
        files = self._look_at_files(engine, at, changes, frozenset(transfers))
        hub = [s.entry for s in files.inventory.models if s.entry.origin == "hub"]
        fits = self._fits.of(engine, hub)
        states = {state.id: state for state in status.models}
        running = self._downloads.running
        rows = []
        for stock in files.inventory.models:
            id = stock.entry.id
            rows.append(
                Row(
                    stock,
                    fit=fits.get(id),
                    problem=last_failure(states.get(id)) or files.problems[id],
                    failed=self._downloads.failed.get(id),
                    transfer=transfers.get(id, Transfer(0, 0) if id in running else None),
                    ours=id in running,
                    state=states.get(id),
                )
            )
        waiting = sum(state.waiting for state in status.models) + runs.TURNS.waiting
        return Board(status, tuple(rows), files.inventory, files.free, waiting)

    def _look_at_files(
        self, engine: Engine, at: float, changes: int, fetching: frozenset[str]
    ) -> Files:
        """What lies where; looked at anew when a download began or ended."""
        with self._lock:
            kept = self._files
        if kept is not None and at - kept.at <= DISK_FRESH and kept.fetching == fetching:
            return kept
        entries = tuple(engine.catalog.entries.values())
        files = Files(
            at,
            fetching,
            inventory(entries),
            problems={entry.id: entry.problem() for entry in entries},
            free=free_disk(),
        )
        with self._lock:
            if changes == self._changes:
                self._files = files
        return files


def last_failure(state: ModelState | None) -> Text | None:
    """Why a model could not be loaded the last time."""
    if state is None or state.status != "failed" or state.reason is None:
        return None
    return words.LOAD_FAILED.fill(why=state.reason)


def free_disk() -> int:
    """Bytes free where downloads go; 0 where nobody can tell."""
    try:
        return free_bytes(settings.cache())
    except OSError:
        return 0


BOARDS = Boards(lambda: default_engine(), DOWNLOADS)
