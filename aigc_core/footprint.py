"""What a model takes of memory, known before it is loaded; needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aigc_core.hardware import DType
from aigc_core.text import Text

Rung = Literal["full", "fp8", "int4", "offload", "group", "sequential"]

RUNGS: dict[Rung, Text] = {
    "full": Text("whole on the device", "完整放在设备上"),
    "fp8": Text("weights kept in 8 bits", "权重以 8 位存放"),
    "int4": Text("weights kept in 4 bits", "权重以 4 位存放"),
    "offload": Text("one part at a time on the device", "设备上每次只放一个部件"),
    "group": Text("a few layers at a time on the device", "设备上每次只放几层"),
    "sequential": Text("one layer at a time on the device", "设备上每次只放一层"),
}
"""The ways to hold a model, from the quickest to the smallest."""

WIDTH: dict[DType, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Bytes of a number."""

# A scale for each group of 64 numbers stands beside weights of 4 bits.
INT4_WIDTH = 0.5 + 2 / 64


@dataclass(frozen=True)
class Part:
    """One component of a model, such as the text encoder of a pipeline.

    Args:
        name: as the model's files call it; empty where there is but one.
        numbers: how many floating-point numbers it keeps; they take the dtype of the placement.
        other: bytes of what keeps its own dtype, such as integer buffers.
        block: of the numbers, those of its largest block, such as one Transformer layer.
        layer: of these, those of its largest single layer.
    """

    name: str
    numbers: int
    other: int = 0
    block: int = 0
    layer: int = 0


@dataclass(frozen=True)
class Footprint:
    """Bytes of weights on the device, and in the machine's RAM beside it."""

    device: int
    host: int = 0


def footprint(parts: Sequence[Part], dtype: DType, rung: Rung = "full") -> Footprint:
    """What the weights of a model take.

    The quantised rungs shrink the largest part, the one that computes most; the offloading ones
    keep everything in RAM and bring a part, two blocks (one computes while the next comes) or a
    layer to the device.
    """
    width = WIDTH[dtype]
    whole = {part.name: part.numbers * width + part.other for part in parts}
    total = sum(whole.values())
    if not parts or rung == "full":
        return Footprint(total)
    if rung in ("fp8", "int4"):
        largest = max(parts, key=lambda part: part.numbers)
        small = round(largest.numbers * (1 if rung == "fp8" else INT4_WIDTH)) + largest.other
        return Footprint(total - whole[largest.name] + small)
    if rung == "offload":
        return Footprint(max(whole.values()), total)
    piece = {
        part.name: 2 * (part.block or part.numbers) if rung == "group" else part.layer or part.block
        for part in parts
    }
    here = max(min(whole[part.name], (piece[part.name] or part.numbers) * width) for part in parts)
    return Footprint(here, total)
