"""A file that grows on the disk, with the checksum of what it has."""

import asyncio
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.hub import disk
from aigc_core.hub.checksum import Checksum
from aigc_core.hub.errors import Dropped, HubBroken
from aigc_core.hub.files import File
from aigc_core.hub.meter import Meter
from aigc_core.hub.patience import Again
from aigc_core.hub.web import Web

if TYPE_CHECKING:
    import httpx2


class Growing:
    """One file on its way.

    Args:
        partial: where it grows; what an earlier process left there is gone on with.
    """

    def __init__(self, file: File, partial: Path, meter: Meter) -> None:
        self.file = file
        self.partial = partial
        self.meter = meter
        self.brought = 0
        self._check = Checksum(file)

    async def stream(self, web: Web, path: str) -> Checksum:
        """The checksum of the file, once all its bytes are on the disk.

        Raises:
            Again: bytes are missing.
            HubError: the hub refuses.
            OSError: the disk is full or cannot be written.
        """
        await self._go_on()
        if self._check.count < self.file.size or not self.partial.exists():
            async with web.open(path, start=self._check.count) as answer:
                self._begin(web.repo, answer)
                await self._append(answer)
        if self._check.count < self.file.size:
            raise Again(Dropped(web.repo))
        return self._check

    def start_over(self) -> None:
        """Nothing of what is there is used."""
        self.partial.unlink(missing_ok=True)
        self._check = Checksum(self.file)
        self.meter.here[self.file.blob] = 0

    async def _go_on(self) -> None:
        """Makes the checksum that of the bytes on the disk."""
        length = disk.length(self.partial)
        if length > self.file.size:
            self.start_over()
        elif length != self._check.count:
            self._check = Checksum(self.file)
            if length:
                await self._check.add_file(self.partial, self.meter.heard_from_disk)
        self.meter.here[self.file.blob] = self._check.count

    def _begin(self, repo: str, answer: "httpx2.Response") -> None:
        """Sees to it that the answer goes on where the file ends."""
        if answer.status_code != 206:
            if self._check.count:
                self.start_over()
            return
        start = re.match(r"bytes (\d+)-", answer.headers.get("content-range", ""))
        if not start or int(start[1]) != self._check.count:
            self.start_over()
            raise Again(HubBroken(repo))

    async def _append(self, answer: "httpx2.Response") -> None:
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        with self.partial.open("ab") as out:
            async for piece in answer.aiter_raw():
                out.write(piece)
                self._check.add(piece)
                self.brought += len(piece)
                self.meter.arrived(self.file.blob, len(piece))
                if self._check.count > self.file.size:
                    break
            out.flush()
            await asyncio.to_thread(os.fsync, out.fileno())
