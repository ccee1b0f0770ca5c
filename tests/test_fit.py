from collections.abc import Sequence

import pytest

from aigc_core.fit import RESERVE, Fit, Option, as_devices, fit, held, options
from aigc_core.footprint import Part, Rung
from aigc_core.hardware import Device, Gpu, Kind, Machine
from tests.fresh import fresh

GB = 10**9
ALL: tuple[Rung, ...] = ("full", "fp8", "offload", "group", "sequential")
OFFLOADS: tuple[Rung, ...] = ("full", "offload", "group", "sequential")


def cpu(gigabytes: float, *, bf16: bool = False) -> Device:
    size = round(gigabytes * GB)
    return Device("cpu", 0, "CPU", size, size, bf16=bf16, unified=True)


def gpu(total: float, free: float | None = None, *, index: int = 0, kind: Kind = "cuda") -> Device:
    left = total if free is None else free
    return Device(kind, index, "card", round(total * GB), round(left * GB), bf16=True, fp16=True)


def model(gigabytes: float, parts: int = 4) -> list[Part]:
    """Parts of equal size, in blocks of a tenth of one; gigabytes in half precision."""
    numbers = round(gigabytes * GB / 2 / parts)
    return [Part(f"p{i}", numbers, block=numbers // 10, layer=numbers // 40) for i in range(parts)]


def ways(parts: Sequence[Part], rungs: Sequence[Rung], *devices: Device) -> list[list[str]]:
    groups = options(parts, lambda kind: 0, rungs, devices)
    return [[f"{o.device.id} {o.rung} {o.dtype}" for o in group] for group in groups]


def verdict(
    parts: Sequence[Part], rungs: Sequence[Rung], *devices: Device, activations: int = 0
) -> str:
    return fit(parts, lambda kind: activations, rungs, devices).text.en


class TestOptions:
    def test_they_go_by_rung_then_by_device_and_end_on_the_cpu(self) -> None:
        found = ways(model(10), ("full", "offload"), cpu(64), gpu(24, 9), gpu(16, 12, index=1))
        assert found == [
            ["cuda:1 full bfloat16", "cuda:0 full bfloat16"],
            ["cuda:1 offload bfloat16", "cuda:0 offload bfloat16"],
            ["cpu full float32"],
        ]

    def test_a_cpu_with_bfloat16_comes_last_with_it(self) -> None:
        assert ways(model(1), ALL, cpu(64, bf16=True)) == [
            ["cpu full float32"],
            ["cpu full bfloat16"],
        ]

    def test_quantised_only_on_devices_too_small_for_the_whole(self) -> None:
        found = ways(model(10), ("full", "fp8"), gpu(24, 1), gpu(10, index=1))
        assert found[1:] == [["cuda:1 fp8 bfloat16"]]
        assert ways(model(10), ("full", "fp8"), gpu(24, 1)) == [["cuda:0 full bfloat16"]]

    def test_activations_count_towards_too_small(self) -> None:
        groups = options(model(10), lambda kind: 4 * 2 * GB, ("fp8",), [gpu(14)])
        assert [option.rung for group in groups for option in group] == ["fp8"]
        # In half precision they take half.
        assert groups[0][0].activations == 4 * GB

    @pytest.mark.parametrize("kind", ["mps", "cuda", "xpu"])
    def test_where_ram_is_all_there_is_offloading_is_no_way(self, kind: Kind) -> None:
        shared = Device(kind, 0, "chip", 16 * GB, 16 * GB, fp16=True, unified=True)
        found = ways(model(10), ALL, shared, cpu(16))
        assert {way.split()[1] for group in found for way in group} == {"full"}

    def test_what_they_need_and_take(self) -> None:
        ((whole,), (piecewise,)) = options(
            model(10), lambda kind: 2 * GB, ("full", "offload"), [gpu(24)]
        )
        assert whole.needs == {"cuda:0": 11 * GB + GB + RESERVE}
        assert whole.takes == {"cuda:0": 10 * GB}
        assert piecewise.needs == {
            "cuda:0": round(1.1 * 2.5 * GB) + GB + RESERVE,
            "host": 10 * GB,
        }
        assert piecewise.takes == {"cuda:0": round(2.5 * GB), "host": 10 * GB}
        assert whole.rank < piecewise.rank

    def test_without_devices_there_is_no_way(self) -> None:
        assert options(model(1), lambda kind: 0, ALL, []) == []
        assert fit(model(1), lambda kind: 0, ALL, []).kind == "no"


class TestVerdict:
    def test_the_sentences(self) -> None:
        large = model(12)
        assert verdict(large, OFFLOADS, gpu(24), cpu(64)) == "fits"
        assert verdict(large, OFFLOADS, gpu(8), cpu(64)) == "fits with offload, slower"
        assert verdict(large, ALL, gpu(13), cpu(64)) == "fits with smaller weights"
        assert verdict(large, ("full",), gpu(8), cpu(64)) == "fits on the processor, much slower"
        assert verdict(large, ("full",), cpu(64)) == "fits"
        small = model(11.45)
        assert verdict(small, ("full",), gpu(8), cpu(4)) == "does not fit: needs 13 GB, 8.0 GB free"

    def test_both_languages(self) -> None:
        texts = [
            fit(model(12), lambda kind: 0, OFFLOADS, devices).text.zh
            for devices in ([gpu(24)], [gpu(8), cpu(64)], [gpu(8), cpu(2)])
        ]
        assert texts == [
            "可以运行",
            "可以运行，部分权重暂存内存，较慢",
            "放不下：需要 14 GB，可用 8.0 GB",
        ]

    def test_what_is_lacking_is_told_of_the_way_that_lacks_least(self) -> None:
        said = verdict(model(12), OFFLOADS, gpu(8), cpu(10))
        # Offloaded, the device has room, and RAM lacks 2 GB.
        assert said == "does not fit: needs 12 GB, 10 GB free"

    def test_activations_decide(self) -> None:
        assert verdict(model(12), ("full",), gpu(24), activations=20 * GB) == "fits"
        assert verdict(model(12), ("full",), gpu(24), activations=22 * GB).startswith("does not")

    def test_offloading_needs_the_ram(self) -> None:
        assert verdict(model(12), OFFLOADS, gpu(8), cpu(13)) == "fits with offload, slower"
        assert verdict(model(12), OFFLOADS, gpu(8), cpu(11)).startswith("does not fit")

    def test_a_way_that_is_taken_has_the_same_words(self) -> None:
        devices = [gpu(8), cpu(64)]
        for group in options(model(12), lambda kind: 0, ALL, devices):
            for way in group:
                assert isinstance(held(way, devices), Fit)
        words = {o.how.en for o in all_options(devices)}
        assert "on the processor, slower" in words
        assert "weights kept in 8 bits" in words


def all_options(devices: list[Device]) -> list[Option]:
    groups = options(model(12), lambda kind: 0, ALL, devices)
    return [option for group in groups for option in group]


def test_a_probe_gives_devices_of_the_same_names() -> None:
    machine = Machine(
        8,
        32 * GB,
        20 * GB,
        (Gpu("cuda", "A", 24 * GB, 22 * GB), Gpu("cuda", "B", 8 * GB, 8 * GB)),
    )
    devices = as_devices(machine)
    assert [(d.id, d.pool, d.total, d.free) for d in devices] == [
        ("cuda:0", "cuda:0", 24 * GB, 22 * GB),
        ("cuda:1", "cuda:1", 8 * GB, 8 * GB),
        ("cpu", "host", 32 * GB, 20 * GB),
    ]
    apple = as_devices(Machine(8, 32 * GB, 20 * GB, (Gpu("mps", "M", 32 * GB, 20 * GB, True),)))
    assert [(d.id, d.pool) for d in apple] == [("mps", "host"), ("cpu", "host")]


def test_it_needs_no_torch() -> None:
    code = (
        "import sys; from aigc_core import fit, footprint, hardware; "
        "from aigc_core.footprint import Part; "
        "devices = fit.as_devices(hardware.probe()); "
        "print(fit.fit([Part('', 10)], lambda kind: 0, ['full'], devices).kind, "
        "{'torch', 'transformers', 'diffusers', 'accelerate'} & set(sys.modules))"
    )
    assert fresh(code).strip() == "fits set()"
