"""The ways in which a model can be held on a machine, the best first; needs no torch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aigc_core.errors import size
from aigc_core.footprint import RUNGS, WIDTH, Footprint, Part, Rung, footprint
from aigc_core.hardware import Device, DType, Kind, Machine, dtype_for
from aigc_core.text import Text

RESERVE = 400_000_000
MARGIN = 1.1

ORDER = (*RUNGS, "cpu")

Activations = Callable[[Kind], int]
"""Bytes that a usual run takes beyond the weights on a kind of device, in float32."""

Verdict = Literal["fits", "slower", "no"]

FITS = Text("fits", "可以运行")
QUANTISED_FITS = Text("fits with smaller weights", "压缩权重后可以运行")
OFFLOADED = Text("fits with offload, slower", "可以运行，部分权重暂存内存，较慢")
PROCESSOR = Text("fits on the processor, much slower", "可以在 CPU 上运行，慢得多")
ON_PROCESSOR = Text("on the processor, slower", "改用 CPU，较慢")
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
    def how(self) -> Text:
        """What it is, in words."""
        return ON_PROCESSOR if self.device.kind == "cpu" else RUNGS[self.rung]

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
    """Free bytes a device must show before a model is loaded on it; none for what takes none."""
    return round(MARGIN * weights) + activations + RESERVE if weights or activations else 0


def room(option: Option, devices: Iterable[Device]) -> dict[str, int]:
    """Bytes free in each memory, as a way to hold a model may count on them.

    Devices that share a memory need not see the same of it: MPS is given three quarters of the
    RAM, and a host may leave the CPU less. So a device counts on what it sees itself.
    """
    free: dict[str, int] = {}
    for device in devices:
        free[device.pool] = max(free.get(device.pool, 0), device.free)
    own = (device.free for device in devices if device.id == option.device.id)
    return {**free, option.device.pool: max(own, default=0)}


def has_room(option: Option, devices: Iterable[Device]) -> bool:
    """Whether a way to hold a model fits as things are."""
    free = room(option, devices)
    return all(bytes <= free.get(pool, 0) for pool, bytes in option.needs.items())


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
            if device.kind == "cpu" or (device.unified and rung not in ("full", "fp8")):
                continue
            whole = option(parts, activations, device, dtype_for(device), "full")
            if rung == "fp8" and (
                device.kind == "mps"  # It has no such numbers.
                or need(whole.weights.device, whole.activations) <= device.total
            ):
                continue
            group.append(option(parts, activations, device, dtype_for(device), rung))
        groups.append(group)
    for device in freest:
        if device.kind == "cpu":
            dtypes: list[DType] = ["float32", *(["bfloat16"] if device.bf16 else [])]  # type: ignore[list-item]
            groups += [[option(parts, activations, device, dtype, "full")] for dtype in dtypes]
    return [group for group in groups if group]


def below(
    option: Option, ways: Iterable[Iterable[Option]], devices: Iterable[Device]
) -> tuple[Option, ...]:
    """The ways further down the ladder that these devices would have room for if empty."""
    empty = [replace(device, free=device.total) for device in devices]
    return tuple(
        way for group in ways for way in group if way.rank > option.rank and has_room(way, empty)
    )


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
    """Whether a model fits now; idle models of ours should be counted as free before.

    Where it does not, the sentence is about the way that lacks least.
    """
    ways = [way for group in options(parts, activations, rungs, devices) for way in group]
    for way in ways:
        if has_room(way, devices):
            return held(way, devices)
    lacks = [lack(way, devices) for way in ways]
    needs, free = min(lacks, key=lambda it: it[0] - it[1], default=(0, 0))
    return Fit("no", TOO_BIG.fill(needs=size(needs), free=size(free)))


def lack(way: Option, devices: Iterable[Device]) -> tuple[int, int]:
    """Bytes that a way needs and bytes that are free, of the memory where most is lacking."""
    free = room(way, devices)
    lacks = ((bytes, free.get(pool, 0)) for pool, bytes in way.needs.items())
    return max(lacks, key=lambda it: it[0] - it[1])


def held(way: Option, devices: Iterable[Device]) -> Fit:
    """What it means for people that a model is held in this way on a machine with these devices."""
    if way.device.kind == "cpu" and any(device.kind != "cpu" for device in devices):
        return Fit("slower", PROCESSOR)
    if way.rung == "fp8":
        return Fit("fits", QUANTISED_FITS)
    return Fit("fits", FITS) if way.rung == "full" else Fit("slower", OFFLOADED)


def as_devices(machine: Machine) -> tuple[Device, ...]:
    """The devices of a probe. It cannot know dtypes: of accelerators it takes half precision."""
    found = [
        Device(gpu.kind, index, gpu.name, gpu.total, gpu.free, True, True, gpu.unified)
        for index, gpu in enumerate(machine.gpus)
    ]
    cpu = Device("cpu", 0, "CPU", machine.ram_total, machine.ram_free, unified=True)
    return (*found, cpu)
