"""Where memory runs out as a model is loaded: the steps down, one by one."""

import pytest

from aigc_core.errors import DoesNotFit
from aigc_core.footprint import Rung
from tests.loader.house import GB, House, Machine, OutOfMemoryError

RUNGS: tuple[Rung, ...] = ("full", "offload", "group", "sequential")


def tried(house: House, id: str) -> list[tuple[str, str]]:
    return [(place.device, place.rung) for place in house.fakes[id].placements]


class TestWays:
    @pytest.mark.parametrize(
        ("memory", "rung"),
        [(12 * GB, "full"), (8 * GB, "group"), (4 * GB, "sequential"), (GB // 2, "cpu")],
    )
    def test_the_first_that_fits_is_taken(self, memory: int, rung: str) -> None:
        house = House(Machine(cuda0=memory))
        house.add("large", weight_bytes=10 * GB, rungs=RUNGS)
        assert house.way("large") == (("cpu", "full") if rung == "cpu" else ("cuda:0", rung))
        house.empty()

    @pytest.mark.parametrize(("memory", "rung"), [(20 * GB, "full"), (12 * GB, "fp8")])
    def test_smaller_weights_only_where_whole_ones_would_not_fit_an_empty_device(
        self, memory: int, rung: str
    ) -> None:
        house = House(Machine(cuda0=memory))
        house.add("large", weight_bytes=12 * GB, rungs=("full", "fp8", "offload"))
        assert house.way("large") == ("cuda:0", rung)

    def test_others_use_brings_no_smaller_weights_where_whole_ones_fit_an_empty_device(
        self,
    ) -> None:
        house = House(Machine(cuda0=20 * GB))
        house.add("in use", weight_bytes=9 * GB)
        house.add("large", weight_bytes=12 * GB, rungs=("full", "fp8", "offload"))
        with house.loader.lease("in use"), house.loader.lease("large") as model:
            assert (model.device, model.rung) == ("cpu", "full")

    def test_of_several_devices_a_better_way_comes_before_a_freer_one(self) -> None:
        machine = Machine(cuda0=12 * GB, cuda1=20 * GB)
        house = House(machine)
        house.add("on the larger", weight_bytes=13 * GB)
        house.add("large", weight_bytes=10 * GB, rungs=RUNGS)
        with house.loader.lease("on the larger") as other, house.loader.lease("large") as model:
            assert (other.device, model.device, model.rung) == ("cuda:1", "cuda:0", "full")

    def test_a_copy_that_is_there_is_used_though_another_device_is_freer(self) -> None:
        house = House(Machine(cuda0=10 * GB, cuda1=12 * GB))
        fake = house.add("gan")
        house.use("gan")
        house.add("filler", weight_bytes=8 * GB)
        with house.loader.lease("filler") as filler, house.loader.lease("gan") as model:
            assert (filler.device, model.device, fake.loads) == ("cuda:1", "cuda:1", 1)

    @pytest.mark.parametrize(
        ("kind", "bf16", "dtype"),
        [("cuda0", True, "bfloat16"), ("cuda0", False, "float32"), ("mps", True, "float32")],
    )
    def test_the_dtype_follows_from_the_device(self, kind: str, bf16: bool, dtype: str) -> None:
        machine = Machine(**{kind: 32 * GB})
        machine.bf16 = {kind} if bf16 else set()
        house = House(machine)
        fake = house.add("gan")
        house.use("gan")
        assert fake.placements[0].dtype == dtype == house.state("gan").dtype

    def test_a_cpu_takes_half_precision_only_where_whole_would_not_fit(self) -> None:
        machine = Machine(cpu=8 * GB)
        machine.bf16 = {"cpu"}
        house = House(machine)
        house.add("small")
        house.add("large", weight_bytes=10 * GB)
        for id, dtype in (("small", "float32"), ("large", "bfloat16")):
            house.use(id)
            assert house.fakes[id].placements[0].dtype == dtype
        house.empty()


class TestOutOfMemory:
    def test_it_is_tried_again_then_held_in_smaller_ways_and_then_refused(self) -> None:
        house = House(Machine(cuda0=40 * GB))
        house.add("idle")
        house.use("idle")
        house.add("large", rungs=RUNGS, failures=[OutOfMemoryError() for _ in range(99)])
        with pytest.raises(DoesNotFit):
            house.use("large")
        ways = [("cuda:0", rung) for rung in RUNGS] + [("cpu", "full")]
        assert tried(house, "large") == [way for way in ways for _ in range(2)]
        assert house.machine.closed == ["idle"]
        house.empty()

    @pytest.mark.parametrize("failures", [1, 2, 5, 10])
    @pytest.mark.parametrize("when", ["failures", "late"])
    def test_whichever_try_succeeds_nothing_of_those_before_is_left(
        self, failures: int, when: str
    ) -> None:
        house = House(Machine(cuda0=40 * GB))
        fake = house.add("large", weight_bytes=10 * GB, rungs=RUNGS)
        setattr(fake, when, [OutOfMemoryError() for _ in range(failures)])
        if failures < 10:
            house.use("large")
        else:
            with pytest.raises(DoesNotFit):
                house.use("large")
        assert len(fake.placements) == min(failures + 1, 10)
        assert house.loader.status().counts.out_of_memory == failures
        house.empty()

    def test_free_memory_in_fragments_leads_to_a_smaller_way(self) -> None:
        machine = Machine(cuda0=40 * GB)
        machine.pieces["cuda0"] = 4 * GB
        house = House(machine)
        house.add("large", weight_bytes=10 * GB, rungs=RUNGS)
        assert house.way("large") == ("cuda:0", "sequential")
        assert tried(house, "large")[:2] == [("cuda:0", "full")] * 2
        house.empty()

    def test_idle_models_go_before_the_second_try(self) -> None:
        machine = Machine(cuda0=40 * GB)
        house = House(machine)
        for id in ("a", "b"):
            house.add(id, weight_bytes=4 * GB)
            house.use(id)
        large = house.add("large", weight_bytes=10 * GB, rungs=RUNGS)
        # Fragments that idle models leave between them are gone with the models.
        large.before = lambda: machine.pieces.update(
            cuda0=GB if house.machine.closed == [] else 99 * GB
        )
        assert house.way("large") == ("cuda:0", "full")
        assert sorted(machine.closed) == ["a", "b"]
        assert house.loader.status().counts.evictions == 2

    def test_models_in_use_and_pinned_stay(self) -> None:
        house = House(Machine(cuda0=40 * GB))
        house.add("used")
        house.add("pinned")
        house.loader.pin("pinned")
        house.add("large", rungs=RUNGS, late=[OutOfMemoryError() for _ in range(3)])
        with house.loader.lease("used") as used:
            house.use("large")
            assert not used.closed
        assert set(house.loaded) == {"used", "pinned", "large"}

    def test_a_wrapped_error_counts(self) -> None:
        house = House(Machine(cuda0=40 * GB))
        wrapped = ValueError("the weights cannot be loaded")
        wrapped.__cause__ = OutOfMemoryError()
        house.add("large", rungs=RUNGS, late=[wrapped])
        house.use("large")
        assert len(house.fakes["large"].placements) == 2

    def test_two_ways_that_fail_by_turns_come_to_an_end(self) -> None:
        machine = Machine(cuda0=40 * GB)
        house = House(machine, patience=0)
        large = house.add("large", weight_bytes=10 * GB, rungs=RUNGS)
        outside: list[object] = []

        def another_program() -> None:
            """Takes memory at every other try, so that the ways that fit change each time."""
            if outside:
                outside.clear()
            else:
                outside.append(machine.hold("cuda:0", 30 * GB))
            if large.loads < 20:
                raise OutOfMemoryError

        large.before = another_program
        with pytest.raises(DoesNotFit):
            house.use("large")
        assert large.loads <= 10

    def test_the_next_load_begins_at_the_top_again(self) -> None:
        house = House(Machine(cuda0=40 * GB))
        house.add("large", rungs=RUNGS, late=[OutOfMemoryError() for _ in range(2)])
        assert house.way("large") == ("cuda:0", "offload")
        assert house.loader.evict("large")
        assert house.way("large") == ("cuda:0", "full")
        house.empty()
