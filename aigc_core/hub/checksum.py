"""Checksums as the hub publishes them."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from aigc_core.hub.files import File

PIECE = 1 << 20


class Checksum:
    """The checksum of a file, computed while its bytes come.

    Of a file in LFS it is the SHA-256 of its content; of another one the SHA-1 that git gives a
    blob, whose header counts the bytes.
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.count = 0
        if len(file.blob) == 64:
            self._hash = hashlib.sha256()
        else:
            self._hash = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)

    def add(self, content: bytes) -> None:
        self._hash.update(content)
        self.count += len(content)

    async def add_file(self, path: Path, told: Callable[[int], None]) -> None:
        """Adds what a file has, and lets others go on meanwhile.

        Args:
            told: is called with the number of bytes of each piece.
        """
        with path.open("rb") as content:
            while piece := content.read(PIECE):
                self.add(piece)
                told(len(piece))
                await asyncio.sleep(0)

    def agrees(self) -> bool:
        """Whether these were the bytes that were published."""
        return self.count == self.file.size and self._hash.hexdigest() == self.file.blob
