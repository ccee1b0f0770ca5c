"""What a snapshot on the disk consists of, and when its checksums were last right.

A small JSON file beside the snapshots of a repository, in a folder of ours that other programs
leave alone. It is written when a download begins, so that an unfinished one can be told from a
finished one without the network, and again when every checksum has agreed. Where the folder
cannot be written, what was verified is remembered as long as the process lives.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aigc_core.atomic import write_whole
from aigc_core.hub.files import File
from aigc_core.hub.settings import home
from aigc_core.hub.source import Source

FOLDER = ".aigc"
REMEMBERED: dict[Path, "Record"] = {}


@dataclass(frozen=True)
class Record:
    """The files of a snapshot.

    Args:
        files: all that belong to it.
        verified: for each file whose checksum agreed, its time of modification (ns) at that
            moment; a file that was touched later counts as unverified.
    """

    files: tuple[File, ...]
    verified: Mapping[str, int]

    @property
    def bytes(self) -> int:
        """On the disk, where files of the same content are one."""
        return sum({file.blob: file.size for file in self.files}.values())


def snapshot_folder(source: Source) -> Path:
    """Where other programs look for the files of a commit."""
    return home(source.repo) / "snapshots" / source.revision


def record_path(source: Source) -> Path:
    variant = f".{source.variant}" if source.variant else ""
    return home(source.repo) / FOLDER / f"{source.revision}{variant}.json"


def read_record(path: Path) -> Record | None:
    """The record in a file; None where there is none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return Record(
            tuple(File(name, size, blob) for name, (size, blob) in found["files"].items()),
            {str(name): int(stamp) for name, stamp in found["verified"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return REMEMBERED.get(path)


def write_record(path: Path, record: Record) -> None:
    """Keeps a record: on the disk, or in memory where that cannot be written."""
    content = {
        "files": {file.name: (file.size, file.blob) for file in record.files},
        "verified": dict(record.verified),
    }
    try:
        write_whole(path, json.dumps(content, indent=1))
    except OSError:
        REMEMBERED[path] = record


def stamp(path: Path, size: int) -> int | None:
    """When a file of this size was last modified (ns); None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns if found.st_size == size else None


def missing(record: Record, folder: Path) -> list[File]:
    """The files that are not there, or not with their size."""
    return [file for file in record.files if stamp(folder / file.name, file.size) is None]


def unverified(record: Record, folder: Path) -> list[File]:
    """The files that are not there as they were when their checksums agreed."""
    return [
        file
        for file in record.files
        if (found := stamp(folder / file.name, file.size)) is None
        or found != record.verified.get(file.name)
    ]
