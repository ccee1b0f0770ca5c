"""Deleting a model's files: never those that somebody needs at this moment."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_core.catalog import Catalog, Entry
from aigc_core.catalog_model import CatalogModel
from aigc_core.errors import AigcError
from aigc_core.gate import PROCESS
from aigc_core.hub.holdings import holdings
from aigc_core.hub.settings import home
from aigc_core.hub.snapshot import fetch, local
from aigc_core.loader import Loader
from aigc_core.placement import Placement
from aigc_core.stock import COMING, IN_USE, NOT_HERE, remove_model
from tests.hub.fixtures import hub
from tests.hub.models import served
from tests.hub.server import HubServer
from tests.shop import entry
from tests.waiting import end, start, until

__all__ = ["hub"]


class Family:
    """Loads nothing, as slowly as is wanted."""

    RUNGS = ("full",)

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.began = threading.Event()
        self.found: list[bool] = []

    def load(self, entry: Entry, placement: Placement, step: Callable[[], None]) -> Any:
        self.began.set()
        assert self.go.wait(60)
        self.found.append(local(entry.source) is not None)
        return SimpleNamespace(id=entry.id, placement=placement, close=lambda: None)


@dataclass
class House:
    """Two entries of one commit, and who lends them."""

    catalog: Catalog
    loader: Loader
    family: Family
    first: Entry
    second: Entry

    def remove(self) -> int:
        return remove_model(self.catalog, self.loader, self.first)


@pytest.fixture
def house(hub: HubServer, tmp_path: Path) -> Iterator[House]:
    source = served(hub, tmp_path / "repository")
    fetch(source)
    family = Family()
    entries = [
        entry(id, id.title(), origin="hub", repo=source.repo, revision=source.revision)
        for id in ("first", "second")
    ]
    for one in entries:
        one.__dict__["module"] = family
    catalog = Catalog(entries)
    loader = Loader(lambda model: CatalogModel(catalog.find(model)), batching=False)
    yield House(catalog, loader, family, *entries)
    family.go.set()
    loader.close()


@contextmanager
def refused(why: Any) -> Iterator[None]:
    with pytest.raises(AigcError) as caught:
        yield
    assert caught.value.text == why


def test_an_idle_model_goes_with_its_files(house: House) -> None:
    with house.loader.lease("second"), refused(IN_USE):
        house.remove()
    assert house.remove() > 0
    assert local(house.first.source) is None
    assert house.loader.state() == ()
    with refused(NOT_HERE):
        house.remove()


def test_a_model_on_its_way_into_memory_keeps_its_files(house: House) -> None:
    house.family.go.clear()
    waiting = start(lambda: house.loader.lease("second").__enter__())
    house.family.began.wait(60)
    with refused(IN_USE):
        house.remove()
    assert local(house.first.source) is not None
    house.family.go.set()
    end(waiting)
    assert house.family.found == [True]


def test_a_download_keeps_its_files(house: House, hub: HubServer, tmp_path: Path) -> None:
    (local(house.first.source) or tmp_path).joinpath("model.safetensors").resolve().unlink()
    hub.fault("hang", "/cdn/*", after=100_000)
    steps = house.loader.fetch("second")
    until(lambda: next(steps).step > 50_000)
    with refused(COMING):
        house.remove()
    steps.close()
    until(lambda: not house.loader.status().fetches)
    assert house.remove() > 0
    assert holdings() == ()


def test_who_comes_while_files_are_deleted_waits_and_finds_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aigc_core import stock

    really, late = stock.remove, []

    def slowly(repo: str, revision: str) -> int:
        model = CatalogModel(house.second)
        place = Placement("cpu", "float32", PROCESS, batching=False)
        late.append(start(lambda: model.load(place, lambda: None)))
        time.sleep(0.05)
        assert not house.family.began.is_set()
        return really(repo, revision)

    monkeypatch.setattr(stock, "remove", slowly)
    house.remove()
    end(*late)
    assert house.family.found == [False]


def test_what_is_not_listed_is_not_deleted(house: House) -> None:
    for words in ("../../..", "0" * 40):
        with refused(NOT_HERE):
            remove_model(house.catalog, house.loader, house.first, words)
    assert local(house.first.source) is not None


def test_last_used_is_when_it_was_loaded_and_not_when_it_was_looked_at(house: House) -> None:
    source = house.first.source
    used = home(source.repo) / ".aigc" / f"{source.revision}.used"
    assert not used.exists()
    with house.loader.lease("first"):
        pass
    assert used.exists()
    before = holdings()[0].last_used
    time.sleep(0.02)
    for path in (local(source) or Path()).iterdir():
        path.read_bytes()
        path.resolve().touch()
    (holding,) = holdings()
    assert holding.last_used == before == pytest.approx(time.time(), abs=60)
    house.remove()
    assert not used.exists()
