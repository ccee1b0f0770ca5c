"""What the models page looks at, and how often; nobody waits for a slow answer."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_core.errors import AigcError
from aigc_core.fit import Fit
from aigc_core.text import Text
from apps.models import board, downloads, fits
from apps.models.board import Boards
from apps.models.fits import Fits
from tests.shop import TINY, Shop, entry, hub, shop, stand_in
from tests.waiting import until

__all__ = ["hub", "shop", "stand_in"]

YES = Fit("fits", Text("yes", "是"))
MODEL = entry("a", "A", origin="hub", repo="a/b", revision="0" * 40)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TestTheDisk:
    @pytest.fixture
    def looks(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Grows with each look at the disk."""
        made: list[int] = []
        really = board.inventory

        def counted(entries: Any) -> Any:
            made.append(1)
            return really(entries)

        monkeypatch.setattr(board, "inventory", counted)
        return made

    def test_it_is_looked_at_after_changes_and_else_seldom(
        self, shop: Shop, looks: list[int]
    ) -> None:
        clock = Clock()
        boards = Boards(lambda: shop.engine, shop.downloads, clock)
        for _ in range(30):
            boards.now()
            clock.now += 1
        assert len(looks) == 1
        boards.stale()
        boards.now()
        assert len(looks) == 2
        clock.now += 61
        boards.now()
        assert len(looks) == 3

    def test_a_download_is_a_change(self, shop: Shop, looks: list[int]) -> None:
        clock = Clock()
        boards = Boards(lambda: shop.engine, shop.downloads, clock)
        boards.now()
        shop.downloads.start(shop.engine, TINY)

        def done() -> bool:
            clock.now += 1
            return any(row.stock.place == "disk" for row in boards.now().rows)

        until(done)
        assert len(looks) <= 4


def test_while_one_looks_others_see_what_was_seen_before(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    boards = Boards(lambda: shop.engine, shop.downloads, clock)
    first = boards.now()
    looking, go = threading.Event(), threading.Event()

    def slow(*_: Any) -> Any:
        looking.set()
        go.wait(60)
        return first

    monkeypatch.setattr(boards, "_look", slow)
    clock.now += 2
    thread = threading.Thread(target=boards.now)
    thread.start()
    looking.wait(60)
    assert boards.now() is first
    boards.stale()  # What that look finds is of before the change.
    go.set()
    thread.join()
    looking.clear()
    boards.now()
    assert looking.is_set()


class TestFits:
    def engine(self, fit: Any) -> Any:
        return SimpleNamespace(fit=fit)

    def test_a_page_does_not_wait_for_an_engine_that_does_not_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fits, "PATIENCE", 0.01)
        clock, go, asked = Clock(), threading.Event(), []

        def fit(_: Any) -> Fit:
            asked.append(1)
            go.wait(60)
            return YES

        known = Fits(clock)
        for _ in range(3):
            assert known.of(self.engine(fit), [MODEL]) == {}
        assert len(asked) == 1
        go.set()
        until(lambda: known.of(self.engine(fit), [MODEL]) == {"a": YES})
        known.of(self.engine(fit), [MODEL])
        assert len(asked) == 1
        clock.now += 6
        assert known.of(self.engine(fit), [MODEL]) == {"a": YES}
        until(lambda: len(asked) == 2)

    @pytest.mark.usefixtures("quiet")
    def test_one_that_fails_leaves_the_others(self) -> None:
        def fit(of: Any) -> Fit:
            if of.id == "b":
                raise AigcError(Text("damaged", "损坏"))
            if of.id == "c":
                raise RuntimeError
            return YES

        models = [MODEL.model_copy(update={"id": id}) for id in "abc"]
        found = Fits().of(self.engine(fit), models)
        assert found == {"a": YES, "b": Fit("no", Text("damaged", "损坏"))}


def test_a_download_without_a_thread_is_none(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThread:
        def __init__(self, **_: Any) -> None: ...

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(downloads.threading, "Thread", NoThread)
        with pytest.raises(RuntimeError):
            shop.downloads.start(shop.engine, TINY)
    assert shop.downloads.running == frozenset()
    shop.downloads.start(shop.engine, TINY)
    until(lambda: not shop.downloads.running)
    assert shop.downloads.failed == {}
