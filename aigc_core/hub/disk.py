"""The cache on the disk, as all programs on this machine that use the hub share it.

`blobs` has each content once, under its checksum; `snapshots` has a folder for each commit, made
of symbolic links to blobs, or of the files themselves where links cannot be made.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.hub.errors import DiskFull
from aigc_core.hub.files import File
from aigc_core.hub.settings import cache, home, symlinks_allowed

if TYPE_CHECKING:
    from filelock import BaseFileLock

# That stay free for everything else on the machine.
RESERVE = 1_000_000_000
PARTIAL = ".aigc.incomplete"


def blob_path(repo: str, file: File) -> Path:
    return home(repo) / "blobs" / file.blob


def partial_path(repo: str, file: File) -> Path:
    """Where a file grows; another process, or a later one, goes on with it."""
    return home(repo) / "blobs" / f"{file.blob}{PARTIAL}"


def lock_path(repo: str, blob: str) -> Path:
    """The lock that huggingface_hub takes too before it downloads a file."""
    return cache() / ".locks" / home(repo).name / f"{blob}.lock"


def length(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def free_bytes(folder: Path) -> int:
    """Bytes free on the disk of a folder that may still have to be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(repo: str, still_to_come: int) -> None:
    """Nothing where the disk has room.

    Raises:
        DiskFull: it has not.
    """
    if still_to_come <= 0:
        return
    free = free_bytes(cache())
    if free < still_to_come + RESERVE:
        raise DiskFull(repo, still_to_come + RESERVE, free)


def show(place: Path, pointers: Sequence[Path]) -> None:
    """Gives the content of a file the names that it has in a snapshot.

    Args:
        place: the blob; or one of the pointers, where there are no symbolic links.
    """
    in_blobs = place.parent.name == "blobs"
    linked = in_blobs and symlinks_allowed()
    wanted = [p for p in pointers if not (p.exists() and p.samefile(place))]
    for pointer in wanted:
        pointer.parent.mkdir(parents=True, exist_ok=True)
        new = pointer.with_name(f".{pointer.name}.{os.getpid()}.new")
        new.unlink(missing_ok=True)
        if linked:
            try:
                new.symlink_to(os.path.relpath(place, pointer.parent))
            except OSError:  # Windows without the right to, some network disks
                linked = False
        if not linked and in_blobs and pointer is wanted[-1]:
            place.replace(new)
        elif not linked:
            shutil.copyfile(place, new)
        new.replace(pointer)


async def acquire(path: Path, told: Callable[[], None]) -> "BaseFileLock":
    """A lock between processes, and between the threads of one; others go on while we wait.

    Args:
        told: is called at each step of waiting.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            told()
            await asyncio.sleep(0.05)
        else:
            return lock
