"""What the loader tells of itself agrees with what happened."""

import logging
import threading

import pytest

from aigc_core.errors import DoesNotFit
from aigc_core.fetches import Transfer
from aigc_core.hub.transfer import Report
from aigc_core.status import Counts, ModelState
from tests.fresh import fresh
from tests.loader.house import GB, House, Machine, OutOfMemoryError, ready
from tests.waiting import SOON, until


def test_counts() -> None:
    house = House(Machine(cuda0=10 * GB), allowance=lambda device: 2 * GB)
    for id in ("a", "b", "c"):
        house.add(id)
        house.use(id)  # The third is one more than may stay.
    house.use("c")
    house.add("bug", failures=[ValueError("a bug")])
    with pytest.raises(ValueError, match="a bug"):
        house.use("bug")
    house.add("tight", late=[OutOfMemoryError()])
    house.use("tight")
    with house.loader.ask("tight") as lease:
        ready(lease)
        lease.relieve()
    given_up = house.add("given up", waits=True, steps=True)
    with house.loader.ask("given up"):
        assert given_up.started.wait(SOON)
    until(lambda: "given up" not in [state.id for state in house.loader.state()])
    # Evicted: one for its allowance, the other two as memory ran out.
    expected = Counts(hits=2, loads=4, failures=1, evictions=3, cancelled=1, out_of_memory=2)
    until(lambda: house.loader.status().counts == expected)
    assert house.machine.closed == ["a", "b", "c"]


def test_devices_models_and_downloads() -> None:
    house = House(Machine(cuda0=24 * GB))
    house.add("large", weight_bytes=30 * GB, blocks=10, rungs=("full", "group"))
    go, told = threading.Event(), threading.Event()

    def fetch(report: Report) -> None:
        while not go.wait(0.01):
            report(Transfer(3, 10, 7.0))
            told.set()

    house.add("far", fetching=fetch)
    waiting = house.loader.ask("far")
    with house.loader.lease("large"):
        assert told.wait(SOON)
        until(lambda: house.state("far").progress and house.state("far").progress.total)
        status = house.loader.status()
        assert status.models == house.loader.state()
        (gpu,) = [device for device in status.devices if device.kind == "cuda"]
        (cpu,) = [device for device in status.devices if device.kind == "cpu"]
        assert (gpu.id, gpu.total, gpu.free, gpu.models_bytes) == (
            "cuda:0",
            24 * GB,
            18 * GB,
            6 * GB,
        )
        assert (cpu.pool, cpu.free, cpu.models_bytes) == ("host", 34 * GB, 30 * GB)
        assert not gpu.dead
        far = house.state("far")
        assert (far.status, far.waiting, far.bytes, far.device) == ("fetching", 1, 0, None)
        assert far.progress is not None
        assert (far.progress.step, far.progress.total, far.progress.bytes) == (3, 10, True)
        assert [(fetch.id, fetch.transfer.done) for fetch in status.fetches] == [("far", 3)]
    go.set()
    ready(waiting)
    until(lambda: house.loader.status().fetches == ())
    waiting.close()
    house.empty()


def test_state_tells_everything() -> None:
    house = House()
    fake = house.add("gan", shared=False)
    fake.before = lambda: setattr(house.clock, "now", house.clock.now + 5)
    lease, other = house.loader.ask("gan"), house.loader.ask("gan")
    ready(lease)
    state = ModelState(
        id="gan",
        status="ready",
        reason=None,
        device="cpu",
        dtype="float32",
        bytes=GB,
        refs=1,
        waiting=1,
        uses=1,
        last_use=5.0,
        load_seconds=5.0,
        pinned=False,
    )
    assert house.loader.state() == (state,)
    house.clock.now = 8.0
    other.close()
    lease.close()
    assert house.state("gan").last_use == 8.0


def test_what_fits_now_and_what_would_with_idle_models_gone() -> None:
    house = House(Machine(cuda0=10 * GB, cpu=10 * GB))
    house.add("a", weight_bytes=6 * GB)
    house.add("b", weight_bytes=7 * GB)
    house.add("huge", weight_bytes=11 * GB, rungs=("full", "offload"))
    assert house.loader.fit("b").text.en == "fits"
    house.use("a")
    assert house.loader.fit("b").text.en == "fits"
    with house.loader.lease("a"):
        assert house.loader.fit("b").text.en == "fits on the processor, much slower"
        # It is here: that its own memory is taken is no reason against it.
        assert house.loader.fit("a").text.en == "fits"
        assert house.loader.fit("huge").text.en == "does not fit: needs 12 GB, 10 GB free"
        with pytest.raises(DoesNotFit):
            house.use("huge")
    assert house.fakes["a"].loads == 1
    assert house.fakes["b"].loads == 0


def test_what_fits_may_be_asked_of_a_model_that_is_in_no_catalog(house: House) -> None:
    stranger = house.add("stranger")
    del house.fakes["stranger"]
    assert house.loader.fit(stranger).kind == "fits"


def test_events_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aigc_core")
    house = House(Machine(cuda0=10 * GB))
    house.add("gan", rungs=("full", "offload"), late=[OutOfMemoryError()])
    house.use("gan")
    house.loader.evict("gan")
    lines = [record.message for record in caplog.records]
    assert "no-memory model=gan device=cuda:0 rung=full" in lines
    assert (
        "loaded model=gan device=cuda:0 dtype=float32 rung=full bytes=1000000000 seconds=0" in lines
    )
    assert "evicted model=gan pools=cuda:0" in lines


CODE = """
import sys
from aigc_core.engine import Engine
engine = Engine.default()
status = engine.loader.status()
fits = [engine.fit(entry).kind for entry in engine.catalog.entries.values()]
heavy = {"torch", "transformers", "diffusers", "accelerate"} & set(sys.modules)
print(status.devices[-1].kind, len(fits) > 3, set(fits) <= {"fits", "slower", "no"}, heavy)
"""


def test_neither_the_state_nor_what_fits_imports_torch() -> None:
    assert fresh(CODE).split(maxsplit=3) == ["cpu", "True", "True", "set()\n"]
