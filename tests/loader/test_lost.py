"""A device that fails for good: what was there is let go, and other devices are used."""

import pytest

from aigc_core import failures
from aigc_core.errors import DeviceLost
from aigc_core.status import ModelState
from tests.loader.house import GB, House, Machine, ready
from tests.waiting import until

LOST = "CUDA error: an illegal memory access was encountered"


def lost() -> RuntimeError:
    return RuntimeError(LOST)


def dead(house: House) -> list[str]:
    return [device.id for device in house.loader.status().devices if device.dead]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA error: device-side assert triggered"), True),
        (lost(), True),
        (RuntimeError("CUDA error: misaligned address"), True),
        (RuntimeError("HIP error: unspecified launch failure"), True),
        (RuntimeError("Native API returns: 20 (UR_RESULT_ERROR_DEVICE_LOST)"), True),
        (RuntimeError("CUDA error: out of memory"), False),
        (RuntimeError("CUDA error: invalid argument"), False),
        (ValueError("device-side assert"), False),
    ],
)
def test_what_counts_as_lost(error: Exception, expected: bool) -> None:
    assert failures.is_lost(error) is expected


class TestWhileLoading:
    def test_the_load_goes_on_elsewhere(self) -> None:
        house = House(Machine(cuda0=10 * GB, cuda1=12 * GB))
        fake = house.add("gan", late=[lost()])
        assert house.way("gan") == ("cuda:0", "full")
        assert [place.device for place in fake.placements] == ["cuda:1", "cuda:0"]
        assert dead(house) == ["cuda:1"]
        house.empty()

    def test_where_no_device_is_left_it_says_so_and_what_to_do(self) -> None:
        house = House(Machine())
        house.add("gan", late=[lost()])
        house.add("other")
        for id, device in (("gan", "cpu"), ("other", "cpu")):
            with pytest.raises(DeviceLost) as caught:
                house.use(id)
            assert f"device {device} has failed" in caught.value.text.en
            assert "重启服务" in caught.value.text.zh
        house.empty()

    def test_a_lost_device_does_not_count_as_a_try_of_the_next_one(self) -> None:
        machine = Machine(cuda0=10 * GB, cuda1=12 * GB)
        house = House(machine)
        house.add("gan", rungs=("full", "offload"), late=[lost(), MemoryError()])
        assert house.way("gan") == ("cuda:0", "full")

    def test_models_there_are_let_go_also_pinned_ones_and_loaded_anew(self) -> None:
        house = House(Machine(cuda0=10 * GB, cuda1=30 * GB))
        house.add("pinned")
        house.loader.pin("pinned")
        house.add("idle")
        house.use("idle")
        house.add("gan", late=[lost()])
        house.use("gan")
        assert sorted(house.machine.closed) == ["idle", "pinned"]
        assert house.way("pinned") == ("cuda:0", "full")
        assert house.state("pinned").pinned
        house.empty()


class TestInARun:
    def test_other_devices_are_used_next(self) -> None:
        house = House(Machine(cuda0=10 * GB, cuda1=12 * GB))
        house.add("gan")
        lease = house.loader.ask("gan")
        assert ready(lease).device == "cuda:1"
        lease.lost()
        assert house.way("gan") == ("cuda:0", "full")
        assert house.machine.used == {"cuda1": GB, "cuda0": GB}
        lease.close()
        assert +house.machine.used == {"cuda0": GB}
        assert dead(house) == ["cuda:1"]
        house.empty()

    def test_who_waits_for_the_model_there_gets_it_elsewhere(self) -> None:
        house = House(Machine(cuda0=10 * GB, cuda1=12 * GB))
        house.add("pipeline", shared=False)
        lease, *others = (house.loader.ask("pipeline") for _ in range(4))
        ready(lease)
        others.pop(1).close()
        lease.lost()
        for other in others:
            assert ready(other).device == "cuda:0"
            other.close()
        assert house.fakes["pipeline"].loads == 2
        lease.close()
        house.empty()

    def test_it_is_told_twice_and_nothing_changes(self) -> None:
        house = House(Machine(cuda0=10 * GB))
        house.add("gan")
        leases = [house.loader.ask("gan") for _ in range(3)]
        for lease in leases:
            ready(lease)
        for lease in leases:
            lease.lost()
            house.use("gan")
        assert house.fakes["gan"].loads == 2
        for lease in leases:
            lease.close()
            lease.lost()
        until(lambda: [state.device for state in house.loader.state()] == ["cpu"])
        house.empty()

    def test_the_state_tells_of_both_copies(self) -> None:
        house = House(Machine(cuda0=10 * GB))
        house.add("gan")
        with house.loader.lease("gan"), house.loader.ask("gan") as lease:
            ready(lease)
            lease.lost()
            house.use("gan")
            states: list[ModelState] = sorted(house.loader.state(), key=lambda s: s.device or "")
            assert [(s.device, s.refs) for s in states] == [("cpu", 0), ("cuda:0", 2)]
        house.empty()
