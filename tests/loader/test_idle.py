"""Idle models: kept while there is room, or for as long as the host says."""

import gc
import time

import pytest

from aigc_core import freeing
from tests.loader.house import GB, House, Machine, ready
from tests.waiting import SOON, until


def test_after_their_time_idle_models_are_unloaded_and_no_others() -> None:
    house = House()
    for id in ("old", "fresh", "used", "pinned"):
        house.add(id)
    house.loader.pin("pinned")
    house.use("old")
    house.clock.now = 50
    house.use("fresh")
    with house.loader.lease("used"):
        house.clock.now = 99.5
        assert house.loader._residents.tidy(100) == 0.5
        assert len(house.loaded) == 4
        house.clock.now = 100
        assert house.loader._residents.tidy(100) == 50
        assert set(house.loaded) == {"fresh", "used", "pinned"}
        house.clock.now = 1000
        assert house.loader._residents.tidy(100) == 100
        assert set(house.loaded) == {"used", "pinned"}
    assert house.loader._residents.tidy(100) == 100  # Its time begins as its lease ends.
    house.clock.now = 1100
    house.loader._residents.tidy(100)
    assert house.loaded == ["pinned"]
    house.empty()


def test_a_thread_sees_to_it_and_ends_when_nothing_is_loaded() -> None:
    house = House(clock=time.monotonic, idle_seconds=0.05)
    house.add("gan")
    for _ in range(2):
        house.use("gan")
        until(lambda: house.loaded == [])
        until(lambda: not house.loader._tidier.at_work)
    assert house.machine.closed == ["gan", "gan"]
    with house.loader.lease("gan") as model:
        time.sleep(0.2)
        assert not model.closed
    del model
    house.empty()


def test_a_model_that_nobody_waited_for_in_the_end_is_unloaded_too() -> None:
    house = House(clock=time.monotonic, idle_seconds=0.05)
    fake = house.add("gan", waits=True)
    with house.loader.ask("gan"):
        assert fake.started.wait(SOON)
    until(lambda: not house.loader._tidier.at_work)  # It has looked, and found nothing.
    fake.go.set()
    until(lambda: house.machine.closed == ["gan"])
    house.empty()


def test_a_loader_that_closes_ends_the_thread_at_once() -> None:
    house = House(clock=time.monotonic, idle_seconds=3600.0)
    house.add("gan")
    house.use("gan")
    assert house.loader._tidier.at_work
    house.loader.close()
    until(lambda: not house.loader._tidier.at_work)


def test_memory_is_given_back_after_each_model(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    given_back: list[int] = []
    monkeypatch.setattr(freeing, "give_back", lambda: given_back.append(house.machine.used["cpu"]))
    for id in ("a", "b"):
        house.add(id)
        house.use(id)
    house.loader.evict("a")
    house.loader.evict("b")
    assert given_back == [GB, 0]


def test_a_run_that_takes_more_than_usual_makes_room_first() -> None:
    house = House(Machine(cuda0=10 * GB))
    house.add("idle", weight_bytes=3 * GB)
    house.use("idle")
    house.add("gan", activations=GB)
    with house.loader.lease("gan"):
        assert "idle" in house.loaded
    lease = house.loader.ask("gan", activations=7 * GB)
    ready(lease)
    assert house.loaded == ["gan"]
    lease.close()
    gc.collect()
    house.empty()
