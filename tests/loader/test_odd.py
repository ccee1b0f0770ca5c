"""Errors in odd places, and finalisers that run in the middle of the loader's own work."""

import gc
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from aigc_core.errors import ModelUnavailable, UnknownModel
from aigc_core.hub.transfer import Report, Transfer
from aigc_core.lease import Lease
from tests.loader.house import GB, House, Machine, Threads, on_another_thread, ready
from tests.waiting import SOON, until


def broken(*arguments: Any) -> Any:
    raise ZeroDivisionError


class TestErrors:
    @pytest.mark.parametrize("name", ["published", "before"])
    def test_a_model_that_cannot_say_what_it_is(self, house: House, name: str) -> None:
        fake = house.add("gan")
        good = getattr(fake, name)
        setattr(fake, name, broken)
        with pytest.raises(ZeroDivisionError):
            house.use("gan")
        assert house.state("gan").status == "failed"
        setattr(fake, name, good)
        house.use("gan")
        house.empty()

    def test_one_whose_estimate_or_files_fail(self, house: House) -> None:
        for name in ("activation_bytes", "here", "fetch"):
            fake = house.add(name)
            if name == "fetch":
                fake.fetching = broken
            else:
                setattr(fake, name, broken)
            with pytest.raises(ZeroDivisionError):
                house.use(name)
        house.empty()

    def test_a_catalog_that_loses_a_model_in_use(self, house: House) -> None:
        house.add("gan", shared=False, rungs=("full", "offload"))
        with house.loader.lease("gan"):
            house.fakes.pop("gan")
            with pytest.raises(UnknownModel):
                house.loader.ask("gan")
        assert house.loader.evict("gan")

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, StopIteration])
    def test_an_error_that_is_no_ordinary_one(
        self, house: House, kind: type[BaseException]
    ) -> None:
        house.add("gan", waits=True, failures=[kind("odd")])
        house.add("other")
        visitors = Threads(3, lambda _: house.use("gan"))
        until(lambda: house.loader.state() and house.state("gan").waiting == 3)
        house.fakes["gan"].go.set()
        for answer in visitors.join():
            assert isinstance(answer, kind) or isinstance(answer.__cause__, kind)
        house.use("other")
        house.use("gan")
        house.empty()

    def test_devices_that_cannot_be_measured_for_a_moment(self) -> None:
        machine = Machine()
        failing = threading.Event()

        def devices() -> Any:
            if failing.is_set():
                raise ZeroDivisionError
            return machine.devices()

        house = House(machine, devices=devices)
        fake = house.add("gan")
        # As it is placed, and as it is entered into the books, which is when it is loaded already.
        for moment in ("place", "finish"):
            fake.before = failing.set if moment == "finish" else lambda: None
            if moment == "place":
                failing.set()
            with pytest.raises(ZeroDivisionError):
                house.use("gan")
            failing.clear()
        assert machine.closed == ["gan"]
        fake.before = lambda: None
        house.use("gan")
        house.empty()

    def test_a_model_that_fails_to_close_as_others_need_its_room(self) -> None:
        house = House(Machine(cpu=10 * GB), allowance=lambda device: device.total)
        house.add("old", weight_bytes=6 * GB)
        house.add("new", weight_bytes=6 * GB)

        def fail(free: Callable[[], None]) -> None:
            free()
            raise ZeroDivisionError

        with house.loader.lease("old") as model:
            model.free = partial(fail, model.free)
        del model
        house.use("new")
        assert house.loaded == ["new"]

    def test_where_no_thread_is_to_be_had_nobody_waits_for_one(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house.add("gan")
        house.add("far", fetching=lambda report: None)

        def start(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(RuntimeError):
                house.loader.ask("gan")
            with pytest.raises(RuntimeError):
                next(house.loader.fetch("far"))
        assert house.loader.state() == ()
        assert house.loader.status().fetches == ()
        house.use("gan")
        assert list(house.loader.fetch("far")) == []
        house.empty()


class TestClosingMeanwhile:
    def test_evicting_and_closing_during_a_load(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        lease = house.loader.ask("gan")
        assert fake.started.wait(SOON)
        assert not house.loader.evict("gan")
        house.loader.close()
        with pytest.raises(ModelUnavailable):
            house.loader.ask("gan")
        fake.go.set()
        ready(lease)
        lease.close()
        until(lambda: not house.loader.state())
        house.empty()

    def test_closing_with_a_queue_serves_those_who_are_in_it(self, house: House) -> None:
        house.add("pipeline", shared=False)
        leases = [house.loader.ask("pipeline") for _ in range(3)]
        ready(leases[0])
        house.loader.close()
        for lease in leases:
            ready(lease)
            lease.close()
        assert house.machine.closed == ["pipeline"]

    def test_a_lease_that_closes_as_it_becomes_ready_leaves_no_measurement(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house.add("gan", activations=GB)
        house.use("gan")
        lease = house.loader.ask("gan")
        begin = house.loader._peaks.begin

        def closed_meanwhile(*arguments: Any) -> None:
            on_another_thread(lease.close)
            begin(*arguments)

        monkeypatch.setattr(house.loader._peaks, "begin", closed_meanwhile)
        list(lease.waiting())
        house.empty()

    def test_a_lease_that_was_closed_does_not_step_down(self, house: House) -> None:
        house = House(Machine(cuda0=10 * GB))
        house.add("gan", rungs=("full", "offload"))
        lease = house.loader.ask("gan")
        ready(lease)
        lease.close()
        with pytest.raises(Exception, match="Stopped"):
            lease.step_down()
        house.empty()


def dropped(lease: Lease) -> None:
    """A run in a circle of references, so that only the collector can close it."""

    def run() -> Iterator[None]:
        with lease:
            yield

    steps = run()
    next(steps)
    circle: list[Any] = [steps]
    circle.append(circle)


class TestFinalisers:
    """The collector may close a dropped run while its thread holds any of the loader's locks."""

    @pytest.mark.parametrize("lock", range(3))
    def test_a_run_that_is_collected_inside_our_own_work_waits_for_its_end(self, lock: int) -> None:
        house = House()
        house.add("gan")
        lease = house.loader.ask("gan")
        ready(lease)
        gc.disable()
        try:
            dropped(lease)

            def work(_: int) -> None:
                with house.loader._guards[lock]:
                    gc.collect()

            assert Threads(1, work).join() == [None]
        finally:
            gc.enable()
        until(lambda: house.state("gan").refs == 0)
        del lease
        house.empty()

    def test_a_run_that_is_collected_as_a_model_is_unloaded(self) -> None:
        house = House(allowance=lambda device: 0)
        house.add("gan")
        house.add("used")
        lease = house.loader.ask("used")
        ready(lease)
        gc.disable()
        try:
            dropped(lease)
            (answer,) = Threads(1, lambda _: house.use("gan")).join()
        finally:
            gc.enable()
        assert answer is None
        until(lambda: not house.loaded)
        del lease
        house.empty()

    def test_elsewhere_it_is_closed_at_once(self, house: House) -> None:
        house.add("gan")
        lease = house.loader.ask("gan")
        ready(lease)
        dropped(lease)
        gc.collect()
        assert house.state("gan").refs == 0

    def test_a_download_that_is_dropped_ends(self, house: House) -> None:
        ended = threading.Event()

        def fetch(report: Report) -> None:
            try:
                while True:
                    report(Transfer(1, 2))
            finally:
                ended.set()

        house.add("far", fetching=fetch)
        steps = house.loader.fetch("far")
        next(steps)
        circle: list[Any] = [steps]
        circle.append(circle)
        del steps, circle

        def work(_: int) -> None:
            with house.loader._fetches._lock:
                gc.collect()

        assert Threads(1, work).join() == [None]
        assert ended.wait(SOON)
