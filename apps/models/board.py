"""All that the models page shows, looked at once a second for all visitors together."""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from aigc_core import default_engine
from aigc_core.engine import Engine
from aigc_core.fit import Fit
from aigc_core.hub.transfer import Transfer
from aigc_core.hub import settings
from aigc_core.status import ModelState, Status
from aigc_core.stock import Inventory, Stock, inventory
from aigc_core.text import Text
from apps.models.downloads import DOWNLOADS, Downloads

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
    """

    status: Status
    rows: tuple[Row, ...]
    inventory: Inventory
    disk_free: int


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
        self._disk: tuple[float, frozenset[str], Inventory] | None = None

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
            self._board = self._disk = None

    def _look(self, at: float) -> Board:
        engine = self._engine()
        status = engine.loader.status()
        transfers = {fetch.id: fetch.transfer for fetch in status.fetches}
        found = self._inventory(engine, at, frozenset(transfers))
        states = {state.id: state for state in status.models}
        running = self._downloads.running
        rows = []
        for stock in found.models:
            id, away = stock.entry.id, stock.place in ("hub", "gated")
            rows.append(
                Row(
                    stock,
                    fit=engine.fit(stock.entry) if stock.entry.origin == "hub" else None,
                    problem=None if away else engine.problem(stock.entry),
                    failed=self._downloads.failed.get(id),
                    transfer=transfers.get(id, Transfer(0, 0) if id in running else None),
                    ours=id in running,
                    state=states.get(id),
                )
            )
        return Board(status, tuple(rows), found, free_disk())

    def _inventory(self, engine: Engine, at: float, fetching: frozenset[str]) -> Inventory:
        """The files; looked at anew when a download began or ended."""
        if self._disk is None or at - self._disk[0] > DISK_FRESH or self._disk[1] != fetching:
            entries = tuple(engine.catalog.entries.values())
            self._disk = (at, fetching, inventory(entries))
        return self._disk[2]


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
