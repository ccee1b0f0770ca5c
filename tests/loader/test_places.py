from collections import Counter

import pytest

from aigc_core import budget
from aigc_core.errors import DoesNotFit, ModelUnavailable
from aigc_core.gate import Gate
from tests.loader.house import GB, RESERVE, House, Machine, on_another_thread, ready
from tests.waiting import until


class TestPlaces:
    def test_a_model_that_fits_nowhere_is_refused_before_it_is_loaded(self) -> None:
        house = House(Machine(cpu=8 * GB, cuda0=4 * GB))
        house.add("idle")
        house.use("idle")
        fake = house.add("huge", weight_bytes=10 * GB, activations=GB)
        with pytest.raises(DoesNotFit) as caught:
            house.use("huge")
        assert "12 GB" in str(caught.value)
        assert "8.0 GB free" in str(caught.value)
        assert fake.loads == 0
        assert house.loaded == ["idle"]
        assert house.state("huge").status == "failed"

    def test_need_is_weights_and_a_tenth_activations_and_a_reserve(self) -> None:
        fits = Machine(cpu=round(1.1 * GB) + GB + RESERVE)
        house = House(fits)
        house.add("gan", activations=GB)
        house.use("gan")
        house = House(Machine(cpu=round(1.1 * GB) + GB + RESERVE - 1))
        house.add("gan", activations=GB)
        with pytest.raises(DoesNotFit):
            house.use("gan")

    def test_the_freest_accelerator_comes_first_and_the_cpu_last(self) -> None:
        machine = Machine(cuda0=10 * GB, cuda1=12 * GB)
        house = House(machine)
        for id in ("a", "b", "c", "d"):
            house.add(id, weight_bytes=6 * GB)
        leases = [house.loader.ask(id) for id in ("a",)]
        assert ready(leases[0]).device == "cuda:1"
        for id, device in (("b", "cuda:0"), ("c", "cpu")):
            leases.append(house.loader.ask(id))
            assert ready(leases[-1]).device == device
        leases[1].close()
        leases.append(house.loader.ask("d"))
        assert ready(leases[-1]).device == "cuda:0"
        assert "b" not in house.loaded

    def test_cpu_and_mps_draw_on_the_same_memory(self) -> None:
        machine = Machine(cpu=10 * GB, mps=10 * GB)
        house = House(machine, patience=0)
        house.add("a", weight_bytes=6 * GB)
        house.add("b", weight_bytes=6 * GB)
        with house.loader.lease("a") as model:
            assert model.device == "mps"
            with pytest.raises(DoesNotFit):
                house.use("b")
        house.use("b")
        assert house.loaded == []

    def test_the_books_count_what_the_device_does_not_show_yet(self) -> None:
        machine = Machine(cpu=10 * GB)
        house = House(machine, patience=0)
        house.add("mapped", weight_bytes=4 * GB, activations=2 * GB)
        house.add("other", weight_bytes=4 * GB)
        with house.loader.lease("mapped"):
            machine.used.clear()
            with pytest.raises(DoesNotFit):
                house.use("other")
        machine.used["cpu"] = 0
        house.use("other")


class TestGivingWay:
    def test_the_cheapest_to_lose_goes_first(self) -> None:
        house = House(Machine(cpu=9 * GB), allowance=lambda device: device.total)
        slow = house.add("slow to load")
        slow.before = lambda: setattr(house.clock, "now", house.clock.now + 20)
        for id, times in (("slow to load", 1), ("used often", 9), ("used once", 1), ("in use", 1)):
            if id not in house.fakes:
                house.add(id)
            for _ in range(times):
                house.use(id)
        house.add("new", weight_bytes=5 * GB)
        with house.loader.lease("in use"):
            house.use("new")
            assert house.machine.closed == ["used once"]
            house.loader.evict("new")
            house.add("larger", weight_bytes=round(6.5 * GB))
            house.use("larger")
        assert house.machine.closed == ["used once", "new", "used often", "slow to load"]

    def test_large_and_long_idle_models_go_before_small_and_fresh_ones(self) -> None:
        score = budget.worth
        assert score(1, 1, GB, 10) < score(1, 1, GB // 2, 10)
        assert score(1, 1, GB, 100) < score(1, 1, GB, 10)
        assert score(1, 1, GB, 10) < score(2, 1, GB, 10)
        assert score(1, 1, GB, 10) < score(1, 2, GB, 10)

    def test_idle_models_are_kept_within_their_allowance(self) -> None:
        house = House(allowance=lambda device: 2 * GB)
        for id in ("a", "b", "c"):
            house.add(id)
            house.use(id)
            house.clock.now += 1
        assert house.loaded == ["b", "c"]
        assert house.machine.used["cpu"] == 2 * GB

    def test_models_in_use_do_not_count_and_do_not_go(self) -> None:
        house = House(allowance=lambda device: 0)
        house.add("a")
        house.add("b")
        with house.loader.lease("a") as model:
            house.use("b")
            assert house.loaded == ["a"]
            assert not house.loader.evict("a")
            assert not model.closed
        assert house.loaded == []

    def test_pinned_models_stay_until_the_loader_closes(self) -> None:
        house = House(allowance=lambda device: 0)
        house.add("pinned")
        house.loader.pin("pinned")
        house.use("pinned")
        assert house.state("pinned").pinned
        assert not house.loader.evict("pinned")
        house.loader.close()
        assert house.loaded == []

    def test_an_evicted_model_is_closed_and_collected(self, house: House) -> None:
        fake = house.add("gan")
        with house.loader.lease("gan") as model:
            pass
        assert house.loader.evict("gan")
        assert model.closed
        del model
        assert fake.alive[0]() is None
        assert not house.loader.evict("gan")
        house.use("gan")
        assert fake.loads == 2

    def test_a_model_that_fails_to_close_is_gone_all_the_same(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.add("gan")
        with house.loader.lease("gan") as model:
            model.free = lambda: 1 / 0
        assert house.loader.evict("gan")
        assert house.loaded == []
        assert "ZeroDivisionError" in caplog.text

    def test_a_closing_model_may_finish_a_step(self) -> None:
        gate = Gate()
        house = House(Machine(cpu=3 * GB), gate=gate)
        house.add("old", weight_bytes=2 * GB)
        house.add("new", weight_bytes=2 * GB)
        with house.loader.lease("old") as model:
            free = model.free

        def finish_a_step() -> None:
            with gate.step():
                free()

        model.free = lambda: on_another_thread(finish_a_step)
        house.use("new")
        assert model.closed

    def test_closing_the_loader(self, house: House) -> None:
        house.add("idle")
        house.use("idle")
        house.add("used")
        slow = house.add("loading", waits=True)
        with house.loader.lease("used"):
            waiter = house.loader.ask("loading")
            house.loader.close()
            assert house.loaded == ["used"]
            with pytest.raises(ModelUnavailable):
                house.loader.ask("used")
        slow.go.set()
        ready(waiter)
        waiter.close()
        until(lambda: not house.loader.state())
        assert +house.machine.used == Counter()
