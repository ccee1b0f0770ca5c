"""Dataset files on the disk, fetched from their home and verified before anyone reads them.

A file is looked for in the folder that `AIGC_DATA_DIR` names, then in our cache
(`~/.cache/aigc/data`, or `AIGC_CACHE_DIR`). Checksums are those of the unpacked bytes, so that a
file that was packed again is as good as the original.
"""

import gzip
import hashlib
import os
import urllib.request
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from threading import Lock

from aigc_core.atomic import write_whole
from aigc_core.errors import CorruptFile, DatasetMissing
from aigc_core.hub.settings import offline
from aigc_core.text import Text

TIMEOUT = 20.0
FETCHING = Lock()


@dataclass(frozen=True)
class DataFile:
    """A file, gzipped or not: its place below a data folder, its content's SHA-256, its homes."""

    name: str
    sha256: str
    homes: tuple[str, ...]

    def path(self) -> Path | None:
        """Where it lies on this machine, or None."""
        return next((path for path in candidates(self.name) if path.is_file()), None)


def cache_folder() -> Path:
    """Our own folder for what was fetched."""
    return Path(os.environ.get("AIGC_CACHE_DIR") or Path.home() / ".cache" / "aigc")


def candidates(name: str) -> list[Path]:
    given = os.environ.get("AIGC_DATA_DIR")
    folders = ([Path(given)] if given else []) + [cache_folder() / "data"]
    return [folder / name for folder in folders]


def open_file(file: DataFile, *, download: bool = True) -> bytes:
    """The unpacked, verified content of a file, fetched first where it is missing.

    Raises:
        DatasetMissing: not on the disk, and not to be had.
        CorruptFile: the bytes are not the published ones.
    """
    path = file.path()
    if path is None:
        if not download or offline():
            raise absent(file)
        with FETCHING:  # Who waited here finds what the one before has fetched.
            path = file.path() or fetch(file)
    return verified(file, path.read_bytes())


def check(file: DataFile) -> None:
    """Nothing where the file is here or may be fetched.

    Raises:
        DatasetMissing: it is neither.
    """
    if offline() and file.path() is None:
        raise absent(file)


def absent(file: DataFile) -> DatasetMissing:
    return DatasetMissing(
        file.name,
        Text(
            "put it under the folder that AIGC_DATA_DIR names, or allow the download.",
            "请放入 AIGC_DATA_DIR 指定的文件夹，或允许下载。",
        ),
    )


def verified(file: DataFile, packed: bytes) -> bytes:
    try:
        content = gzip.decompress(packed) if file.name.endswith(".gz") else packed
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptFile(file.name) from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise CorruptFile(file.name)
    return content


def fetch(file: DataFile) -> Path:
    """Downloads from the first home that answers; nothing unverified is left on the disk."""
    target = cache_folder() / "data" / file.name
    failure: Exception | None = None
    for home in file.homes:
        try:
            address = home + Path(file.name).name
            with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310
                packed = answer.read()
            verified(file, packed)
        except (OSError, HTTPException, CorruptFile) as error:
            failure = error
            continue
        write_whole(target, packed)
        return target
    raise DatasetMissing(
        file.name,
        Text(
            "its sources do not answer as they should. Check the network, or put the file "
            "there by hand.",
            "下载源没有正常响应。请检查网络，或手动放入该文件。",
        ),
    ) from failure
