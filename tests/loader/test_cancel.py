"""Giving up at any moment frees everything, and whoever asks next is served."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from aigc_core.building import ASIDE
from aigc_core.errors import Cancelled
from aigc_core.gate import Gate
from aigc_core.hub.transfer import Report, Transfer
from aigc_core.lease import Lease
from tests.loader.house import GB, House, Machine, Threads, narrow, ready
from tests.waiting import SOON, until

LATEST = 1.0  # second, on a machine that does other things too


def downloading(ended: threading.Event, started: threading.Event) -> Callable[[Report], None]:
    """A download that reports and never ends by itself."""

    def fetch(report: Report) -> None:
        try:
            started.set()
            for done in range(10**6):
                report(Transfer(done, 10**6, 5.0))
                time.sleep(0.01)
        finally:
            ended.set()

    return fetch


def threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith(("load ", "fetch "))}


def cancelled(house: House, lease: Lease) -> None:
    """Closes a lease; what it waited for is gone from the books, and its threads have ended."""
    start = time.monotonic()
    lease.close()
    assert time.monotonic() - start < LATEST
    id = lease._entry.id
    until(lambda: id not in [state.id for state in house.loader.state()])
    until(lambda: not house.loader.status().fetches)
    until(lambda: f"load {id}" not in threads() and f"fetch {id}" not in threads())
    assert time.monotonic() - start < LATEST
    with pytest.raises(Cancelled):
        next(lease.waiting())


class TestMoments:
    def test_downloading(self, house: House) -> None:
        started, ended = threading.Event(), threading.Event()
        fake = house.add("gan", fetching=downloading(ended, started))
        lease = house.loader.ask("gan")
        note = ""
        for progress in lease.waiting(poll=0.01):
            note = progress.note.zh
            if progress.bytes:
                break
        assert note.startswith("正在下载 gan：")
        assert house.state("gan").status == "fetching"
        cancelled(house, lease)
        assert ended.is_set()
        assert fake.loads == 0
        assert house.loader.status().counts.cancelled == 2  # The load, and its download.
        fake.fetching = lambda report: report(Transfer(1, 1))
        house.use("gan")
        house.empty()

    def test_waiting_for_its_turn(self, house: House) -> None:
        loading = house.add("loading", waits=True)
        fake = house.add("gan")
        first = house.loader.ask("loading")
        assert loading.started.wait(SOON)
        lease = house.loader.ask("gan")
        until(lambda: house.loader._builder._order._waiting)
        cancelled(house, lease)
        assert not house.loader._builder._order._waiting
        loading.go.set()
        ready(first)
        house.use("gan")
        assert fake.loads == 1
        first.close()
        house.empty()

    def test_loading(self, house: House) -> None:
        fake = house.add("gan", waits=True, steps=True)
        lease = house.loader.ask("gan")
        assert fake.started.wait(SOON)
        cancelled(house, lease)
        assert +house.machine.used == {}
        fake.go.set()
        house.use("gan")
        assert fake.loads == 2
        house.empty()

    def test_waiting_for_the_gate(self) -> None:
        gate = Gate()
        house = House(gate=gate)
        fake = house.add("gan")
        with gate.step():
            lease = house.loader.ask("gan")
            until(lambda: house.state("gan").status == "loading")
            lease.close()
        until(lambda: not house.loader.state())
        assert fake.loads == 0
        house.use("gan")
        house.empty()

    def test_waiting_for_memory(self) -> None:
        house = narrow()
        with house.loader.lease("used"):
            lease = house.loader.ask("large")
            until(lambda: house.state("large").progress is not None)
            cancelled(house, lease)
        house.use("large")
        house.empty()

    def test_waiting_for_memory_while_others_wait_for_it_in_turn(self) -> None:
        house = narrow()
        house.add("small")
        with house.loader.lease("used"):
            large = house.loader.ask("large")
            until(lambda: house.state("large").progress is not None)
            house.clock.now += ASIDE + 1
            until(lambda: house.loader._builder._order._taken)
            small = house.loader.ask("small")
            cancelled(house, large)
            ready(small)
            small.close()
        house.empty()

    def test_queueing(self, house: House) -> None:
        house.add("pipeline", shared=False)
        with house.loader.lease("pipeline"):
            leases = [house.loader.ask("pipeline") for _ in range(3)]
            leases.pop(1).close()
            assert house.state("pipeline").waiting == 2
        for lease in leases:
            ready(lease)
            lease.close()
        house.empty()

    def test_one_of_several_who_wait_ends_nothing(self, house: House) -> None:
        fake = house.add("gan", waits=True, steps=True)
        first, second = house.loader.ask("gan"), house.loader.ask("gan")
        assert fake.started.wait(SOON)
        first.close()
        time.sleep(0.05)  # Several steps of the load.
        fake.go.set()
        ready(second)
        assert fake.loads == 1
        second.close()
        house.empty()


@pytest.mark.parametrize("ending", ["cancelled", "failed"])
def test_what_was_half_loaded_is_gone_before_the_next_load_looks_for_a_place(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(Machine(cpu=10 * GB), patience=0)
    half = house.add("half")
    house.add("next", weight_bytes=6 * GB)
    fail = house.loader._fail
    looked = threading.Event()

    def load(placement, step):  # type: ignore[no-untyped-def]
        held = house.machine.hold("cpu", 6 * GB)
        half.started.set()
        while not half.failures:
            step()
        try:
            compute(held)
        except KeyError as error:
            raise ValueError("a bug") from error

    def compute(tensor: object) -> None:
        raise KeyError("inside")

    def fail_late(entry: Any, error: BaseException) -> None:
        if entry.id == "half":
            assert looked.wait(SOON)
        fail(entry, error)

    monkeypatch.setattr(house.loader, "_fail", fail_late)
    half.load = load  # type: ignore[method-assign]
    first, second = house.loader.ask("half"), house.loader.ask("next")
    assert half.started.wait(SOON)
    until(lambda: house.loader._builder._order._waiting)
    if ending == "cancelled":
        first.close()
    else:
        half.failures.append(ValueError())
    ready(second)
    looked.set()
    if ending == "failed":
        with pytest.raises(ValueError, match="a bug"):
            ready(first)
    first.close()
    second.close()
    house.empty()


class TestOddFamilies:
    def test_one_that_lets_its_cancelling_pass_leaves_nothing(self, house: House) -> None:
        fake = house.add("gan", waits=True, steps=True)

        def deaf() -> None:
            lease.close()
            until(lambda: house.loader.state()[0].waiting == 0)

        fake.before = deaf
        original = fake.load

        def load(placement, step):  # type: ignore[no-untyped-def]
            def hushed() -> None:
                try:
                    step()
                except Cancelled:
                    fake.go.set()

            return original(placement, hushed)

        fake.load = load  # type: ignore[method-assign]
        lease = house.loader.ask("gan")
        until(lambda: not house.loader.state())
        until(lambda: house.machine.closed == ["gan"])
        fake.before = lambda: None
        house.use("gan")
        house.empty()

    def test_one_that_raises_cancelled_by_itself_fails_for_those_who_wait(
        self, house: House
    ) -> None:
        fake = house.add("gan", failures=[Cancelled()])
        with pytest.raises(Cancelled):
            house.use("gan")
        assert house.state("gan").status == "failed"
        fake.failures.append(Cancelled())
        fake.go.clear()
        fake.started.clear()
        with house.loader.ask("gan"):
            assert fake.started.wait(SOON)
        fake.go.set()
        until(lambda: not house.loader.state())
        house.use("gan")
        house.empty()


@pytest.mark.parametrize("moment", ["fetching", "loading"])
def test_who_asks_at_the_very_moment_of_the_cancelling_is_served(moment: str) -> None:
    house = House(clock=time.monotonic)
    fake = house.add("gan", steps=True)

    def load_a_while() -> None:
        fake.go.clear()
        threading.Timer(0.004, fake.go.set).start()

    def fetch_a_while(report: Report) -> None:
        for done in range(4):
            report(Transfer(done, 4))
            time.sleep(0.001)

    def visit(place: int) -> int:
        luck = random.Random(place)
        served = 0
        for _ in range(40):
            with house.loader.ask("gan") as lease:
                if luck.random() < 0.6:
                    time.sleep(luck.uniform(0, 0.005))
                    continue
                for _ in lease.waiting(poll=0.01):
                    pass
                assert not lease.model.closed
                served += 1
            house.loader.evict("gan")
            if moment == "fetching":
                fake.fetching = fetch_a_while
        return served

    if moment == "loading":
        fake.before = load_a_while
    else:
        fake.fetching = fetch_a_while
    answers = Threads(4, visit).join()
    assert all(isinstance(answer, int) and answer > 0 for answer in answers), answers
    house.empty()
