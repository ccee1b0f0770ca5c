"""Where the files of each model are: with the suite, on the disk, on the hub, on another server."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from aigc_core.catalog import Entry
from aigc_core.hub.holdings import Holding, holdings
from aigc_core.hub.snapshot import local

Place = Literal["shipped", "disk", "hub", "gated", "remote"]

# Published weights are mostly in half precision.
HALF = 2


@dataclass(frozen=True)
class Stock:
    """One entry, and where its files are.

    Args:
        place: `gated` is on the hub, behind terms that must be accepted.
        bytes: of its files, here or still to come; 0 where nobody knows.
        estimated: whether that is reckoned from the number of weights.
        partial: bytes of an unfinished download.
        last_used: seconds since 1970; None where nobody knows.
    """

    entry: Entry
    place: Place
    bytes: int = 0
    estimated: bool = False
    partial: int = 0
    last_used: float | None = None


@dataclass(frozen=True)
class Inventory:
    """What is where.

    Args:
        models: those of the catalog, in its order.
        strays: other revisions of their repositories, which nothing here uses any more.
        others: bytes that other programs keep in the same folder.
    """

    models: tuple[Stock, ...]
    strays: tuple[Holding, ...]
    others: int


def inventory(entries: Iterable[Entry]) -> Inventory:
    """Looks at the disk; asks no network."""
    entries = tuple(entries)
    held = holdings()
    known = {(entry.repo, entry.revision) for entry in entries if entry.origin == "hub"}
    repos = {repo for repo, _ in known}
    return Inventory(
        tuple(stock(entry, held) for entry in entries),
        tuple(
            h for h in held if h.repo in repos and h.revision and (h.repo, h.revision) not in known
        ),
        sum(holding.bytes for holding in held if holding.repo not in repos),
    )


def stock(entry: Entry, held: Iterable[Holding]) -> Stock:
    """Where the files of one entry are.

    Args:
        held: all that lies in the hub's folder on this disk.
    """
    if entry.origin == "remote":
        return Stock(entry, "remote")
    if entry.origin != "hub":
        return Stock(entry, "shipped", 0 if entry.problem() else entry.file_bytes)
    here = [h for h in held if (h.repo, h.revision) == (entry.repo, entry.revision)]
    if local(entry.source) is not None:
        used = max((holding.last_used for holding in here), default=None)
        return Stock(entry, "disk", sum(holding.bytes for holding in here), last_used=used)
    expected = entry.download or HALF * entry.numbers
    return Stock(
        entry,
        "gated" if entry.gated else "hub",
        expected,
        estimated=not entry.download,
        # Finished files of an unfinished download count, too.
        partial=sum(holding.bytes + holding.partial_bytes for holding in here),
    )
