import threading
import time
from collections.abc import Callable

import pytest

from aigc_core.errors import Cancelled
from aigc_core.events import Progress
from aigc_core.fetches import ASKING, Fetches, told
from aigc_core.hub.transfer import Report, Transfer
from tests.loader.house import House, Threads
from tests.waiting import SOON, until

GB = 10**9


class Work:
    """A download that goes on until it is let go; counts how often it was begun."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.cancelled = 0
        self.go = threading.Event()
        self.error = error

    def __call__(self, report: Report) -> None:
        self.begun += 1
        try:
            while not self.go.wait(0.002):
                report(Transfer(1, 10))
        except Cancelled:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error


def under_way(fetches: Fetches) -> list[str]:
    return [state.id for state in fetches.state()]


def test_many_who_ask_share_one_download() -> None:
    fetches, work = Fetches(), Work()
    together = threading.Barrier(16)

    def visit(_: int) -> bool:
        together.wait(SOON)
        with fetches.join("gan", work) as watch:
            joined.release()
            return watch.wait(SOON)

    joined = threading.Semaphore(0)
    visitors = Threads(16, visit)
    for _ in range(16):
        assert joined.acquire(timeout=SOON)
    assert under_way(fetches) == ["gan"]
    work.go.set()
    assert visitors.join() == [True] * 16
    assert work.begun == 1
    until(lambda: not fetches.state())


def test_a_failure_is_shared_and_may_be_tried_again() -> None:
    error = OSError("no network")
    fetches, work = Fetches(), Work(error)
    watches = [fetches.join("gan", work) for _ in range(3)]
    work.go.set()
    for watch in watches:
        with pytest.raises(OSError, match="no network") as caught:
            watch.wait(SOON)
        assert caught.value is error
        watch.close()
    until(lambda: not fetches.state())
    work.error = None
    with fetches.join("gan", work) as watch:
        assert watch.wait(SOON)
    assert (work.begun, fetches.cancelled) == (2, 0)


def test_it_ends_when_the_last_one_leaves_and_not_before() -> None:
    fetches, work = Fetches(), Work()
    first, second = fetches.join("gan", work), fetches.join("gan", work)
    first.close()
    first.close()
    assert not second.wait(0.05)
    second.close()
    until(lambda: work.cancelled == 1)
    until(lambda: fetches.cancelled == 1)
    assert fetches.state() == ()


def test_who_comes_back_in_time_finds_it_still_going() -> None:
    fetches, work = Fetches(), Work()
    slow = threading.Event()

    def slowly(report: Report) -> None:
        assert slow.wait(SOON)
        work(report)

    fetches.join("gan", slowly).close()
    with fetches.join("gan", slowly) as watch:
        slow.set()
        work.go.set()
        assert watch.wait(SOON)
    assert (work.begun, work.cancelled) == (1, 0)


def test_who_comes_too_late_starts_another() -> None:
    fetches, work = Fetches(), Work()
    ending, end = threading.Event(), threading.Event()

    def reluctant(report: Report) -> None:
        try:
            work(report)
        finally:
            ending.set()
            assert end.wait(SOON)

    fetches.join("gan", reluctant).close()
    assert ending.wait(SOON)
    assert under_way(fetches) == []
    again = Work()
    with fetches.join("gan", again) as watch:
        end.set()
        until(lambda: fetches.cancelled == 1)
        # The end of the old one takes nothing from the new one.
        assert under_way(fetches) == ["gan"]
        assert not watch.wait(0.02)
        again.go.set()
        assert watch.wait(SOON)


def test_joining_and_leaving_at_once_many_times() -> None:
    fetches, begun = Fetches(), [0]

    def work(report: Report) -> None:
        begun[0] += 1
        for done in range(5):
            report(Transfer(done, 5))
            time.sleep(0.0005)

    def visit(place: int) -> int:
        served = 0
        for turn in range(60):
            with fetches.join("gan", work) as watch:
                if (turn + place) % 3:
                    served += watch.wait(SOON)
        return served

    assert Threads(6, visit).join() == [40] * 6
    until(lambda: not fetches.state())
    assert begun[0] > 1


@pytest.mark.parametrize(
    ("transfer", "en", "zh"),
    [
        (Transfer(0, 0), "Asking the hub for gan", "正在向 Hub 查询 gan"),
        (
            Transfer(GB, 4 * GB),
            "Downloading gan: 1.0 GB of 4.0 GB",
            "正在下载 gan：1.0 GB / 4.0 GB",
        ),
        (
            Transfer(GB, 4 * GB, 44.6),
            "Downloading gan: 1.0 GB of 4.0 GB, 45 s left",
            "正在下载 gan：1.0 GB / 4.0 GB，剩余 45 秒",
        ),
        (
            Transfer(GB, 4 * GB, 89.9),
            "Downloading gan: 1.0 GB of 4.0 GB, 90 s left",
            "正在下载 gan：1.0 GB / 4.0 GB，剩余 90 秒",
        ),
        (
            Transfer(GB, 4 * GB, 600),
            "Downloading gan: 1.0 GB of 4.0 GB, 10 min left",
            "正在下载 gan：1.0 GB / 4.0 GB，剩余 10 分钟",
        ),
        (
            Transfer(GB, 4 * GB, 10_800),
            "Downloading gan: 1.0 GB of 4.0 GB, 3 h left",
            "正在下载 gan：1.0 GB / 4.0 GB，剩余 3 小时",
        ),
        (Transfer(GB, 4 * GB, verifying=True), "Verifying gan", "正在校验 gan"),
        (
            Transfer(0, 0, waiting=12.0),
            "gan: the hub asked to wait 12 s",
            "gan：Hub 要求等待 12 秒",
        ),
    ],
)
def test_how_far_it_is_in_words(transfer: Transfer, en: str, zh: str) -> None:
    progress = told("gan", transfer)
    assert (progress.note.en, progress.note.zh) == (en, zh)
    assert (progress.step, progress.total) == (transfer.done, transfer.total)
    assert progress.bytes or not transfer.total


class TestByTheLoader:
    def test_it_is_told_until_the_files_are_here_and_nothing_is_loaded(self) -> None:
        house = House()
        go, told_of = threading.Event(), threading.Event()
        fake = house.add("gan", fetching=until_let_go(go, told_of))
        steps = house.loader.fetch("gan")
        said = [next(steps)]
        assert told_of.wait(SOON)
        said += [next(steps), next(steps)]
        go.set()
        said += steps
        assert said[0].note == ASKING.fill(model="gan") or said[0].bytes
        assert Progress(3, 10, told("gan", Transfer(3, 10)).note, bytes=True) in said
        assert (fake.loads, fake.fetching) == (0, None)
        assert list(house.loader.fetch("gan")) == []

    def test_a_visitor_and_a_download_from_the_models_page_share_it(self) -> None:
        house = House()
        go, told_of = threading.Event(), threading.Event()
        house.add("gan", fetching=until_let_go(go, told_of))
        steps = house.loader.fetch("gan")
        next(steps)
        lease = house.loader.ask("gan")
        until(lambda: house.state("gan").status == "fetching")
        # Whoever stops watching leaves it to the other.
        steps.close()
        assert [fetch.id for fetch in house.loader.status().fetches] == ["gan"]
        go.set()
        list(lease.waiting())
        assert house.loader.status().counts.cancelled == 0
        lease.close()
        house.empty()


def until_let_go(go: threading.Event, told_of: threading.Event) -> Callable[[Report], None]:
    def fetch(report: Report) -> None:
        while not go.wait(0.005):
            report(Transfer(3, 10))
            told_of.set()

    return fetch
