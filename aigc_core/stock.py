"""Where the files of each model are: with the suite, on the disk, on the hub, on another server."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from aigc_core.catalog import Catalog, Entry
from aigc_core.errors import AigcError
from aigc_core.hub.holdings import Holding, holdings, remove, sweep
from aigc_core.hub.snapshot import local
from aigc_core.hub.use import deleting
from aigc_core.loader import Loader
from aigc_core.text import Text

Place = Literal["shipped", "disk", "hub", "gated", "remote"]

# Published weights are mostly in half precision.
HALF = 2

ABOUT = Text("about {size}", "约 {size}")
PARTIAL = Text("{size} already here", "已下载 {size}")
IN_USE = Text(
    "The model is in use, or kept loaded. Try again when nobody uses it.",
    "该模型正在使用或设为常驻。请在无人使用时再试。",
)
COMING = Text("It is being downloaded. Cancel that first.", "正在下载，请先取消。")
NOT_HERE = Text("Nothing of it is on the disk.", "磁盘上没有它的文件。")


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


def remove_model(catalog: Catalog, loader: Loader, entry: Entry, revision: str = "") -> int:
    """Deletes a model's files from the disk, and the model from memory; gives bytes freed.

    Entries may share a commit, such as two variants of it: all of them lose their files.

    Args:
        revision: another commit of its repository, which may be any words of a stranger's.

    Raises:
        AigcError: nothing of it is here, or a model with these files is in use or on its way.
    """
    wanted = (entry.repo, revision or entry.revision)
    # Nothing is deleted but what is listed.
    if entry.origin != "hub" or wanted not in {(h.repo, h.revision) for h in holdings()}:
        raise AigcError(NOT_HERE)
    ids = {e.id for e in catalog.entries.values() if (e.repo, e.revision) == wanted}
    refuse_busy(loader, ids)
    # From here on a new load waits, and finds that the files are gone.
    with deleting(*wanted) as free:
        refuse_busy(loader, ids)
        if not free:
            raise AigcError(IN_USE)
        loaded = {state.id for state in loader.state() if state.status == "ready"} & ids
        if not all(loader.evict(id) for id in sorted(loaded)):
            raise AigcError(IN_USE)
        freed = remove(*wanted)
    tidy()
    return freed


def refuse_busy(loader: Loader, ids: set[str]) -> None:
    """Nothing where no model of these is in use, or on its way to the disk or into memory.

    Raises:
        AigcError: one is.
    """
    status = loader.status()
    if ids & {fetch.id for fetch in status.fetches}:
        raise AigcError(COMING)
    for state in status.models:
        idle = state.status == "ready" and not (state.refs or state.waiting or state.pinned)
        if state.id in ids and not idle and state.status != "failed":
            raise AigcError(IN_USE)


def tidy() -> None:
    """Deletes what no model on the disk needs any more; takes a while where there are many."""
    with suppress(OSError):
        sweep()
