"""Downloads, one of each: whoever asks meanwhile waits for the same one."""

import threading
from collections.abc import Callable
from typing import Self

from aigc_core.errors import Cancelled, size
from aigc_core.events import Progress
from aigc_core.hub.transfer import Report, Transfer, time_left
from aigc_core.status import FetchState
from aigc_core.text import Text

NOTHING = Transfer(0, 0)

ASKING = Text("Asking the hub for {model}", "正在向 Hub 查询 {model}")
ASKED = Text("{model}: the hub asked to wait {time}", "{model}：Hub 要求等待 {time}")
FETCHING = Text("Downloading {model}: {done} of {total}", "正在下载 {model}：{done} / {total}")
LEFT = Text("{fetching}, {left}", "{fetching}，{left}")
VERIFYING = Text("Verifying {model}", "正在校验 {model}")
SECONDS = Text("{n} s", "{n} 秒")


def told(model: str, transfer: Transfer) -> Progress:
    """How far a download is, in words."""
    done, total = transfer.done, transfer.total
    if transfer.waiting is not None:
        note = ASKED.fill(model=model, time=SECONDS.fill(n=round(transfer.waiting)))
        return Progress(done, total, note, bytes=True)
    if not total:
        return Progress(0, 0, ASKING.fill(model=model))
    if transfer.verifying:
        return Progress(done, total, VERIFYING.fill(model=model), bytes=True)
    note = FETCHING.fill(model=model, done=size(done), total=size(total))
    if (left := transfer.seconds_left) is not None:
        note = LEFT.fill(fetching=note, left=time_left(left))
    return Progress(done, total, note, bytes=True)


class Watch:
    """Somebody's interest in a download. When the last one is closed, the download ends."""

    def __init__(self, fetch: "Fetch") -> None:
        self._fetch = fetch

    @property
    def transfer(self) -> Transfer:
        """How far it is."""
        return self._fetch.transfer

    def wait(self, seconds: float) -> bool:
        """Waits that long for its end; whether it has come.

        Raises:
            BaseException: what the download raised; all who wait get the same.
        """
        if not self._fetch.ended.wait(seconds):
            return False
        if self._fetch.error is not None:
            # All waiters raise this one error: their frames must not pile up on it.
            raise self._fetch.error.with_traceback(None)
        return True

    def close(self) -> None:
        self._fetch.leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Fetch:
    """One download, in a thread of its own."""

    def __init__(self, id: str, work: Callable[[Report], None], lock: threading.Lock) -> None:
        self.id = id
        self.work = work
        self.watches: set[Watch] = set()
        self.transfer = NOTHING
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self.abandoned = False
        self._lock = lock

    def report(self, transfer: Transfer) -> None:
        self.transfer = transfer
        with self._lock:
            if not self.watches:
                self.abandoned = True
                raise Cancelled

    def leave(self, watch: Watch) -> None:
        # Without the lock: a finaliser may call this on a thread that holds it.
        self.watches.discard(watch)


class Fetches:
    """The downloads under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetches: dict[str, Fetch] = {}
        self.cancelled = 0

    def join(self, id: str, work: Callable[[Report], None]) -> Watch:
        """A watch over the download of this name, started with `work` where there is none."""
        with self._lock:
            fetch = self._fetches.get(id)
            if fetch is None or fetch.abandoned:
                fetch = Fetch(id, work, self._lock)
                # Before anybody can join it: where no thread is to be had, nobody waits for one.
                threading.Thread(
                    target=self._run, args=(fetch,), name=f"fetch {id}", daemon=True
                ).start()
                self._fetches[id] = fetch
            watch = Watch(fetch)
            fetch.watches.add(watch)
            return watch

    def state(self) -> tuple[FetchState, ...]:
        with self._lock:
            return tuple(
                FetchState(fetch.id, fetch.transfer)
                for fetch in self._fetches.values()
                if not fetch.abandoned
            )

    def _run(self, fetch: Fetch) -> None:
        try:
            fetch.work(fetch.report)
        except BaseException as error:
            fetch.error = error
        with self._lock:
            self.cancelled += fetch.abandoned
            if self._fetches.get(fetch.id) is fetch:
                del self._fetches[fetch.id]
        fetch.ended.set()
