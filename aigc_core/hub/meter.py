"""What has come of a download, how fast, and whether anything still comes."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from aigc_core.hub import patience
from aigc_core.hub.errors import Stalled
from aigc_core.hub.transfer import Report, Transfer

STEP = 0.05
WINDOW = 5.0


class Meter:
    """Counts bytes and tells them to whoever waits, at each step of its clock.

    Args:
        repo: for the error.
        report: see `Report`.
    """

    def __init__(self, repo: str, report: Report) -> None:
        self.repo = repo
        self.report = report
        self.total = 0
        self.here: dict[str, int] = {}
        self.compared: dict[str, int] = {}
        self._downloading = 0
        self._elsewhere = 0
        self.ask_at = 0.0
        self.heard = time.monotonic()
        self._came = 0
        self._pace: deque[tuple[float, int]] = deque()

    def arrived(self, blob: str, count: int) -> None:
        """Bytes came over the network and are on the disk."""
        self.here[blob] = self.here.get(blob, 0) + count
        self._came += count
        self.heard = time.monotonic()

    def compare(self, blob: str, count: int) -> None:
        """Bytes of a file on the disk were added to its checksum."""
        self.compared[blob] = self.compared.get(blob, 0) + count
        self.heard = time.monotonic()

    def heard_from_disk(self, count: int) -> None:  # noqa: ARG002
        """What an earlier process left is being read: that nothing comes is no stall."""
        self.heard = time.monotonic()

    @contextmanager
    def downloading(self) -> Iterator[None]:
        """A file is on its way: what is told is how much is on the disk."""
        self._downloading += 1
        try:
            yield
        finally:
            self._downloading -= 1

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Another process or thread brings a file meanwhile: that nothing comes is no stall."""
        self._elsewhere += 1
        try:
            yield
        finally:
            self._elsewhere -= 1
            self.heard = time.monotonic()

    async def pause(self, seconds: float, *, told: bool) -> None:
        """Waits before another attempt; all files do when the hub has told us to."""
        if told:
            self.ask_at = max(self.ask_at, time.monotonic() + seconds)
        await asyncio.sleep(seconds)

    async def until_asking(self) -> None:
        """Waits as long as the hub has told us to."""
        while (left := self.ask_at - time.monotonic()) > 0:
            await asyncio.sleep(left)
            self.heard = time.monotonic()

    async def run(self) -> None:
        """Tells at each step, until it is cancelled or `report` raises.

        Raises:
            Stalled: nothing came for too long.
        """
        while True:
            self.tell()
            now, stall = time.monotonic(), patience.PATIENCE.stall
            quiet_since = max(self.heard, self.ask_at)
            if now - quiet_since > stall and not self._elsewhere:
                raise Stalled(self.repo, stall)
            await asyncio.sleep(STEP)

    def tell(self) -> None:
        waiting = self.ask_at - time.monotonic()
        done = sum(self.here.values())
        verifying = bool(self.compared) and not self._downloading and done >= self.total
        if verifying:
            done = sum(self.compared.values())
        self.report(
            Transfer(
                done=min(done, self.total),
                total=self.total,
                seconds_left=None if verifying else self._seconds_left(done),
                verifying=verifying,
                waiting=waiting if waiting > 0 else None,
            )
        )

    def _seconds_left(self, done: int) -> float | None:
        now = time.monotonic()
        self._pace.append((now, self._came))
        while now - self._pace[0][0] > WINDOW:
            self._pace.popleft()
        start, before = self._pace[0]
        if now - start < WINDOW / 10 or self._came == before:
            return None
        return (self.total - done) * (now - start) / (self._came - before)
