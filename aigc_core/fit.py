"""The ways in which a model can be held on a machine, the best first; needs no torch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from aigc_core.errors import size
from aigc_core.footprint import RUNGS, WIDTH, Footprint, Part, Rung, footprint
from aigc_core.hardware import Device, DType, Kind, Machine, dtype_for
from aigc_core.text import Text

RESERVE = 400_000_000
MARGIN = 1.1

QUANTISED: tuple[Rung, ...] = ("fp8", "int4")
ORDER = (*RUNGS, "cpu")

Activations = Callable[[Kind], int]
"""Bytes that a usual run takes beyond the weights on a kind of device, in float32."""

Verdict = Literal["fits", "slower", "no"]

FITS = Text("fits", "可以运行")
QUANTISED_FITS = Text("fits with smaller weights", "压缩权重后可以运行")
OFFLOADED = Text("fits with offload, slower", "可以运行，需卸载，较慢")
PROCESSOR = Text("fits on the processor, much slower", "可以在 CPU 上运行，慢得多")
TOO_BIG = Text("does not fit: needs {needs}, {free} free", "放不下：需要 {needs}，可用 {free}")


@dataclass(frozen=True)
class Option:
    """One way to hold a model.

    Args:
        weights: bytes that it keeps there.
        activations: bytes that a usual run takes beyond them, on the device.
    """

    device: Device
    dtype: DType
    rung: Rung
    weights: Footprint
    activations: int

    @property
    def rank(self) -> int:
        """Its place on the ladder; 0 is the best."""
        return ORDER.index("cpu" if self.device.kind == "cpu" else self.rung)

    @property
    def needs(self) -> dict[str, int]:
        """Bytes that must be free, by memory, before the load.

        A tenth more than the weights on the device, for what their loading takes beside them, the
        activations of one run, and 400 MB that stay free for the driver and for others.
        """
        needs = {self.device.pool: need(self.weights.device, self.activations)}
        if self.weights.host:
            needs["host"] = needs.get("host", 0) + self.weights.host
        return needs

    @property
    def takes(self) -> dict[str, int]:
        """Bytes of weights by memory, once it is loaded."""
        takes = {self.device.pool: self.weights.device}
        if self.weights.host:
            takes["host"] = takes.get("host", 0) + self.weights.host
        return takes


def need(weights: int, activations: int) -> int:
    """Free bytes a device must show before a model is loaded on it."""
    return round(MARGIN * weights) + activations + RESERVE


def options(
    parts: Sequence[Part],
    activations: Activations,
    rungs: Sequence[Rung],
    devices: Iterable[Device],
) -> list[list[Option]]:
    """The ways to hold a model, in groups that are equally good, the freest device first.

    Accelerators come before the CPU. Quantised weights are a way only where whole ones would not
    fit an empty device, since they change what the model makes. Offloading saves nothing where
    the device's memory is the machine's RAM.
    """
    freest = sorted(devices, key=lambda device: -device.free)
    groups: list[list[Option]] = []
    for rung in rungs:
        group = []
        for device in freest:
            if device.kind == "cpu" or (device.unified and rung not in ("full", *QUANTISED)):
                continue
            whole = option(parts, activations, device, dtype_for(device), "full")
            if rung in QUANTISED and need(whole.weights.device, whole.activations) <= device.total:
                continue
            group.append(option(parts, activations, device, dtype_for(device), rung))
        groups.append(group)
    for device in freest:
        if device.kind == "cpu":
            dtypes: list[DType] = ["float32", *(["bfloat16"] if device.bf16 else [])]  # type: ignore[list-item]
            groups += [[option(parts, activations, device, dtype, "full")] for dtype in dtypes]
    return [group for group in groups if group]


def option(
    parts: Sequence[Part], activations: Activations, device: Device, dtype: DType, rung: Rung
) -> Option:
    taken = in_dtype(activations(device.kind), dtype)
    return Option(device, dtype, rung, footprint(parts, dtype, rung), taken)


def in_dtype(bytes: int, dtype: DType) -> int:
    """What so many bytes of float32 take in another dtype."""
    return round(bytes * WIDTH[dtype] / WIDTH["float32"])


@dataclass(frozen=True)
class Fit:
    """Whether a model fits a machine, and how, in words."""

    kind: Verdict
    text: Text


def fit(
    parts: Sequence[Part],
    activations: Activations,
    rungs: Sequence[Rung],
    devices: Sequence[Device],
) -> Fit:
    """Whether a model fits now; idle models of ours should be counted as free before."""
    ways = [way for group in options(parts, activations, rungs, devices) for way in group]
    free = {device.pool: 0 for device in devices}
    for device in devices:
        free[device.pool] = max(free[device.pool], device.free)
    accelerated = any(device.kind != "cpu" for device in devices)
    for way in ways:
        if all(bytes <= free.get(pool, 0) for pool, bytes in way.needs.items()):
            if way.device.kind == "cpu" and accelerated:
                return Fit("slower", PROCESSOR)
            if way.rung in QUANTISED:
                return Fit("fits", QUANTISED_FITS)
            return Fit("fits", FITS) if way.rung == "full" else Fit("slower", OFFLOADED)
    least = min(ways, key=lambda way: sum(way.needs.values()), default=None)
    if least is None:
        return Fit("no", TOO_BIG.fill(needs=size(0), free=size(0)))
    pool, lacking = max(least.needs.items(), key=lambda item: item[1] - free.get(item[0], 0))
    return Fit("no", TOO_BIG.fill(needs=size(lacking), free=size(free.get(pool, 0))))


def as_devices(machine: Machine) -> tuple[Device, ...]:
    """The devices of a probe. It cannot know dtypes: of accelerators it takes half precision."""
    found = [
        Device(gpu.kind, index, gpu.name, gpu.total, gpu.free, True, True, gpu.unified)
        for index, gpu in enumerate(machine.gpus)
    ]
    cpu = Device("cpu", 0, "CPU", machine.ram_total, machine.ram_free, unified=True)
    return (*found, cpu)
