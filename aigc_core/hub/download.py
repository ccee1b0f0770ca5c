"""The files of a snapshot, four at a time, each resumed, verified and put in its place."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from aigc_core.hub import disk
from aigc_core.hub.attempts import attempts
from aigc_core.hub.checksum import Checksum
from aigc_core.hub.errors import Corrupt, Disturbed
from aigc_core.hub.files import File
from aigc_core.hub.growing import Growing
from aigc_core.hub.meter import Meter
from aigc_core.hub.record import Record, snapshot_folder, stamp
from aigc_core.hub.source import Source
from aigc_core.hub.web import Web

TOGETHER = 4


class Download:
    """Brings the files of one snapshot to this machine, or verifies those that are here.

    Args:
        source: which snapshot.
        record: its files, and what is known to be verified.
        meter: counts what comes.
    """

    def __init__(self, source: Source, record: Record, meter: Meter) -> None:
        self.source = source
        self.record = record
        self.meter = meter
        self.folder = snapshot_folder(source)
        self.verified = dict(record.verified)
        self._turns = asyncio.Semaphore(TOGETHER)
        meter.total = record.bytes
        meter.here = {file.blob: self._held(file) for file in record.files}

    async def bring(self, web: Web) -> None:
        """Fetches what is missing, and verifies what has not been verified.

        Raises:
            HubError: see its subclasses.
            OSError: the disk is full or cannot be written.
        """
        disk.check_room(self.source.repo, self.record.bytes - sum(self.meter.here.values()))
        async with asyncio.TaskGroup() as group:
            for same in by_blob(self.record.files):
                group.create_task(self._bring(web, same))

    async def verify(self) -> bool:
        """Whether everything is on the disk, each checksum compared; asks no network.

        Raises:
            Corrupt: a file is not what was published.
        """
        groups = by_blob(self.record.files)
        if any(self.meter.here[same[0].blob] < same[0].size for same in groups):
            return False
        for same in groups:
            if not await self._settle(same):
                raise Corrupt(self.source.repo, same[0].name)
        return True

    def _held(self, file: File) -> int:
        """Bytes of a file that are on the disk already."""
        repo = self.source.repo
        places = (self.folder / file.name, disk.blob_path(repo, file))
        if any(stamp(place, file.size) is not None for place in places):
            return file.size
        return min(file.size, disk.length(disk.partial_path(repo, file)))

    async def _bring(self, web: Web, same: Sequence[File]) -> None:
        """Files of the same content; one process at a time, and the next one finds them."""
        file, repo = same[0], self.source.repo

        def others_bring_it() -> None:
            self.meter.here[file.blob] = self._held(file)

        async with self._turns:
            # Without the lock, which a cache that cannot be written does not give.
            if await self._settle(same):
                return
            with self.meter.elsewhere():
                lock = await disk.acquire(disk.lock_path(repo, file.blob), others_bring_it)
            try:
                self.meter.compared.pop(file.blob, None)
                if not await self._settle(same):
                    self.meter.compared.pop(file.blob, None)
                    with self.meter.downloading():
                        await self._download(web, file)
                    self._show(same, disk.partial_path(repo, file))
            finally:
                lock.release()

    async def _settle(self, same: Sequence[File]) -> bool:
        """Whether their content is on the disk and right."""
        file, pointers = same[0], [self.folder / file.name for file in same]
        stamps = {file.name: stamp(self.folder / file.name, file.size) for file in same}
        if all(found and found == self.verified.get(name) for name, found in stamps.items()):
            return True
        places = (disk.blob_path(self.source.repo, file), *pointers)
        place = next((p for p in places if stamp(p, file.size) is not None), None)
        if place is None:
            return False
        check = Checksum(file)
        await check.add_file(place, lambda count: self.meter.compare(file.blob, count))
        if not check.agrees():
            return False
        disk.show(place, pointers)
        self._remember(same)
        self.meter.here[file.blob] = file.size
        return True

    async def _download(self, web: Web, file: File) -> None:
        """The file in its partial place, verified.

        Raises:
            Corrupt: twice its bytes were not the published ones.
        """
        path = web.of_file(self.source.revision, file.name)
        growing = Growing(file, disk.partial_path(self.source.repo, file), self.meter)
        for _ in range(2):
            check = await attempts(
                self.meter, lambda: growing.stream(web, path), lambda: growing.brought
            )
            if check.agrees():
                return
            growing.start_over()
        raise Corrupt(self.source.repo, file.name)

    def _show(self, same: Sequence[File], partial: Path) -> None:
        blob = disk.blob_path(self.source.repo, same[0])
        partial.replace(blob)
        disk.show(blob, [self.folder / file.name for file in same])
        self._remember(same)

    def _remember(self, same: Sequence[File]) -> None:
        for file in same:
            found = stamp(self.folder / file.name, file.size)
            if found is None:
                raise Disturbed(self.source.repo, file.name)
            self.verified[file.name] = found


def by_blob(files: Iterable[File]) -> list[list[File]]:
    """Files of the same content together."""
    groups: dict[str, list[File]] = {}
    for file in files:
        groups.setdefault(file.blob, []).append(file)
    return list(groups.values())
