"""What `AIGC_MEMORY` leaves to others, and memory that devices share."""

import pytest

from aigc_core import limits
from aigc_core.errors import DoesNotFit, InvalidRequest
from aigc_core.hardware import Device
from tests.loader.house import GB, House, Machine, ready

GPU = Device("cuda", 0, "card", 24 * GB, 24 * GB)
CPU = Device("cpu", 0, "CPU", 64 * GB, 64 * GB, unified=True)


@pytest.mark.parametrize(
    ("said", "on_cpu", "on_gpu"),
    [
        ("", 64 * GB, 24 * GB),
        ("cpu=4GB", 4 * GB, 24 * GB),
        (" cpu = 500MB , cuda:0=20 GB ", GB // 2, 20 * GB),
        ("cuda:0=99GB,xpu:1=1GB,mps=1GB", 64 * GB, 24 * GB),
        ("cpu=1500,", 1500, 24 * GB),
        ("cpu=1.5TB,cuda:0=0", 64 * GB, 0),
    ],
)
def test_a_host_may_leave_memory_to_other_programs(
    said: str, on_cpu: int, on_gpu: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_MEMORY", said)
    assert (limits.limit(CPU), limits.limit(GPU)) == (on_cpu, on_gpu)


@pytest.mark.parametrize(
    "said",
    ["cpu", "cpu=", "4GB", "=4GB", "cpu=-4GB", "cpu=4gb", "cpu=nan", "cuda=4GB", "gpu:0=1GB"],
)
def test_what_cannot_be_read_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_MEMORY", said)
    house = House()
    house.add("gan")
    for ask in (
        lambda: limits.limit(CPU),
        lambda: house.use("gan"),
        lambda: house.loader.fit("gan"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            ask()
        assert said in caught.value.text.en
        assert said in caught.value.text.zh
    monkeypatch.setenv("AIGC_MEMORY", "cpu=8GB")
    house.use("gan")


def test_a_limit_sends_models_elsewhere_or_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_MEMORY", "cuda:0=4GB,cpu=9GB")
    house = House(Machine(cuda0=24 * GB), patience=0)
    for id in ("a", "b", "c"):
        house.add(id, weight_bytes=3 * GB)
    house.add("large", weight_bytes=7 * GB)
    leases = [house.loader.ask(id) for id in ("a", "b", "c")]
    assert [ready(lease).device for lease in leases] == ["cuda:0", "cpu", "cpu"]
    with pytest.raises(DoesNotFit, match=r"needs 8.1 GB, 3.0 GB free"):
        house.use("large")
    for lease in leases:
        lease.close()
    house.use("large")
    assert house.loaded == ["a", "large"]


class TestSharedMemory:
    def test_a_device_counts_on_no_more_than_it_sees(self) -> None:
        house = House(Machine(cpu=64 * GB, mps=48 * GB))
        house.add("large", weight_bytes=45 * GB)
        with house.loader.lease("large") as model:
            assert model.device == "cpu"
        assert house.loader.fit("large").kind == "slower"

    def test_a_limit_of_the_cpu_holds_beside_a_device_that_may_take_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIGC_MEMORY", "cpu=4GB,mps=2GB")
        house = House(Machine(cpu=64 * GB, mps=48 * GB))
        house.add("large", weight_bytes=5 * GB)
        house.add("middle", weight_bytes=3 * GB)
        with pytest.raises(DoesNotFit):
            house.use("large")
        with house.loader.lease("middle") as model:
            assert model.device == "cpu"

    def test_it_is_counted_once(self) -> None:
        house = House(Machine(cpu=16 * GB, mps=12 * GB), patience=0)
        house.add("on mps", weight_bytes=5 * GB)
        house.add("more", weight_bytes=9 * GB)
        with house.loader.lease("on mps"):
            status = house.loader.status()
            assert {d.id: d.models_bytes for d in status.devices} == {"cpu": 5 * GB, "mps": 5 * GB}
            assert {d.id: d.free for d in status.devices} == {"cpu": 11 * GB, "mps": 7 * GB}
            with house.loader.lease("more") as model:
                assert model.device == "cpu"

    def test_offloading_takes_ram_and_saves_nothing_where_ram_is_all_there_is(self) -> None:
        rungs = ("full", "offload", "group", "sequential")
        own = House(Machine(cuda0=4 * GB, cpu=16 * GB))
        own.add("large", weight_bytes=8 * GB, blocks=8, rungs=rungs)
        own.add("other", weight_bytes=9 * GB)
        with own.loader.lease("large") as model:
            assert (model.device, model.rung) == ("cuda:0", "group")
            state = own.state("large")
            assert (state.bytes, state.host_bytes) == (2 * GB, 8 * GB)
            assert own.machine.used == {"cuda0": 2 * GB, "cpu": 8 * GB}
            own.loader.patience = own.loader._builder._patience = 0
            with pytest.raises(DoesNotFit):
                own.use("other")
        shared = House(Machine(mps=4 * GB, cpu=16 * GB))
        shared.add("large", weight_bytes=8 * GB, blocks=8, rungs=rungs)
        with shared.loader.lease("large") as model:
            assert (model.device, model.rung) == ("cpu", "full")

    def test_where_nothing_is_kept_here_no_room_is_needed(self) -> None:
        house = House(Machine(cpu=100_000_000))
        house.add("on another server", weight_bytes=0)
        house.use("on another server")
        assert house.loader.fit("on another server").kind == "fits"
