"""What the cache holds of the hub's models: listed, removed, and rid of what nobody needs."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aigc_core.hub import disk
from aigc_core.hub.adopt import record_on_disk
from aigc_core.hub.record import FOLDER, Record, missing, read_record
from aigc_core.hub.settings import cache, home, repo_of
from aigc_core.hub.source import COMMIT, REPO, Source
from aigc_core.hub.use import last_use

DAY = 86_400.0
MONTH = 30 * DAY
VARIANTS = ("", "fp16", "bf16")


@dataclass(frozen=True)
class Holding:
    """One commit of a model on the disk.

    Args:
        repo: `org/name`.
        revision: the commit.
        bytes: of its finished files; commits may share some.
        last_used: seconds since 1970, when it was last loaded here; of one that never was, when
            a file of it was last read, as far as the disk keeps that.
        complete: whether everything is there that loading needs.
        partial_bytes: of files that are not finished; a download goes on with them.
    """

    repo: str
    revision: str
    bytes: int
    last_used: float
    complete: bool
    partial_bytes: int


def holdings() -> tuple[Holding, ...]:
    """Every commit of every model in the cache, the last used first; asks no network."""
    found = [
        holding
        for folder in repositories()
        for revision in sorted(revisions(folder))
        if (holding := look(folder, revision)) is not None
    ]
    return tuple(sorted(found, key=lambda holding: -holding.last_used))


def remove(repo: str, revision: str) -> int:
    """Deletes a commit of a model, but no file that another commit shares; gives bytes freed.

    A file that is being downloaded at this moment stays.

    Raises:
        ValueError: these are no names of a repository and a commit.
    """
    Source(repo, revision)
    folder = home(repo)
    before = taken(folder)
    snapshot = folder / "snapshots" / revision
    ours = set(blobs_of(snapshot))
    partials = planned(folder, revision)
    if any(blob.is_symlink() for blob in ours):
        delete_by_huggingface(repo, revision)
    shutil.rmtree(snapshot, ignore_errors=True)
    for path, _ in records(folder, revision):
        path.unlink(missing_ok=True)
    (folder / FOLDER / f"{revision}.used").unlink(missing_ok=True)
    kept = referenced(folder)
    for blob in (ours | partials) - kept:
        delete_unless_busy(repo, blob)
    tidy(folder)
    return before - taken(folder)


def sweep(age: float = DAY) -> int:
    """Deletes what no snapshot needs and nobody is likely to go on with; gives bytes freed.

    That is: contents that no snapshot shows, and what other programs left of broken downloads,
    both untouched for `age` seconds; broken downloads of ours after a month.
    """
    freed = 0
    for folder in repositories():
        before, kept, now = taken(folder), referenced(folder), time.time()
        for blob in files_in(folder / "blobs"):
            if blob not in kept and now - blob.lstat().st_mtime > age:
                delete_unless_busy(repo_of(blob), blob)
        tidy(folder)
        freed += before - taken(folder)
    return freed


def repositories() -> list[Path]:
    """The folders of models in the cache."""
    with suppress(OSError):
        return sorted(path for path in cache().glob("models--*") if path.is_dir())
    return []


def revisions(folder: Path) -> set[str]:
    """Commits of which there is something."""
    there = {path.name for path in (folder / "snapshots").glob("*") if path.is_dir()}
    return there | {path.name[:40] for path in (folder / FOLDER).glob("*.json")}


def look(folder: Path, revision: str) -> Holding | None:
    """One commit; None where there is not a byte of it."""
    snapshot = folder / "snapshots" / revision
    files = {path.resolve(): path for path in snapshot.rglob("*") if path.is_file()}
    stats = [path.stat() for path in files]
    held = sum(stat.st_size for stat in stats)
    partial = sum(map(disk.length, planned(folder, revision)))
    if not held and not partial:
        return None
    return Holding(
        repo=repo_of(snapshot),
        revision=revision,
        bytes=held,
        last_used=last_use(repo_of(snapshot), revision) or read_last(folder, revision, stats),
        complete=complete(folder, revision),
        partial_bytes=partial,
    )


def read_last(folder: Path, revision: str, stats: list[os.stat_result]) -> float:
    """When files that another program brought were last read; 0 for ours, which are noted."""
    if records(folder, revision):
        return 0.0
    return max((max(s.st_atime, s.st_mtime) for s in stats), default=0.0)


def complete(folder: Path, revision: str) -> bool:
    """Whether a commit has all that loading needs."""
    snapshot = folder / "snapshots" / revision
    if kept := records(folder, revision):
        return any(not missing(record, snapshot) for _, record in kept)
    repo = repo_of(snapshot)
    if not REPO.fullmatch(repo) or not COMMIT.fullmatch(revision):
        return any(path.suffix == ".safetensors" for path in snapshot.rglob("*"))
    found = (record_on_disk(Source(repo, revision, variant)) for variant in VARIANTS)
    return any(record is not None and not missing(record, snapshot) for record in found)


def records(folder: Path, revision: str) -> list[tuple[Path, Record]]:
    """Our records of a commit, one for each variant."""
    paths = sorted((folder / FOLDER).glob(f"{revision}*.json"))
    return [(path, record) for path in paths if (record := read_record(path)) is not None]


def referenced(folder: Path) -> set[Path]:
    """The contents that a snapshot shows, and the partial files that our records plan."""
    shown = set(blobs_of(folder / "snapshots"))
    hoped_for = set[Path]().union(*(planned(folder, revision) for revision in revisions(folder)))
    month_ago = time.time() - MONTH
    return shown | {p for p in hoped_for if p.exists() and p.stat().st_mtime > month_ago}


def planned(folder: Path, revision: str) -> set[Path]:
    """Where the files of a commit grow, as our records plan it."""
    return {
        folder / "blobs" / f"{file.blob}{disk.PARTIAL}"
        for _, record in records(folder, revision)
        for file in record.files
    }


def blobs_of(snapshots: Path) -> Iterator[Path]:
    """Where the links below a folder point, one step far."""
    for path in snapshots.rglob("*"):
        if path.is_symlink():
            yield Path(os.path.normpath(path.parent / path.readlink()))


def delete_by_huggingface(repo: str, revision: str) -> None:
    """By huggingface_hub's own hand: its store of contents that models share keeps books."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        scanned = scan_cache_dir(cache())
    except CacheNotFound:
        return
    known = {r.commit_hash for one in scanned.repos if one.repo_id == repo for r in one.revisions}
    if revision in known:
        scanned.delete_revisions(revision).execute()


def delete_unless_busy(repo: str, path: Path) -> None:
    """Deletes a blob or a partial file, if nobody holds its lock."""
    from filelock import FileLock, Timeout

    lock = disk.lock_path(repo, path.name.partition(".")[0])
    with suppress(OSError, Timeout):
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=0):
            path.unlink(missing_ok=True)


def tidy(folder: Path) -> None:
    """Deletes the folders of a model from which everything has gone."""
    if files_in(folder / "blobs") or any(p.is_file() for p in (folder / "snapshots").rglob("*")):
        return
    with suppress(OSError):
        shutil.rmtree(folder)
        shutil.rmtree(disk.lock_path(repo_of(folder), "any").parent, ignore_errors=True)


def files_in(folder: Path) -> list[Path]:
    with suppress(OSError):
        return [path for path in folder.iterdir() if path.is_file() or path.is_symlink()]
    return []


def taken(folder: Path) -> int:
    """Bytes of all files below, each once."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
