"""What a model takes of memory, known before it is loaded; needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aigc_core.hardware import DType
from aigc_core.text import Text

Rung = Literal["full", "fp8", "offload", "group", "sequential"]

RUNGS: dict[Rung, Text] = {
    "full": Text("whole on the device", "完整放在设备上"),
    "fp8": Text("weights kept in 8 bits", "权重以 8 位存放"),
    "offload": Text("one part at a time on the device", "设备上每次只放一个部件"),
    "group": Text("a few layers at a time on the device", "设备上每次只放几层"),
    "sequential": Text("one layer at a time on the device", "设备上每次只放一层"),
}
"""The ways to hold a model, from the quickest to the smallest."""

WIDTH: dict[DType, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Bytes of a number."""

# Of a number kept in 8 bits: normalisation and embedding layers stay as they are.
FP8_WIDTH = 1.3
# Names of the part that denoises, of which a pipeline has one.
DENOISERS = ("transformer", "unet")


@dataclass(frozen=True)
class Part:
    """One component of a model, such as the text encoder of a pipeline.

    Args:
        name: as the model's files call it; empty where there is but one.
        numbers: how many floating-point numbers it keeps; they take the dtype of the placement.
        other: bytes of what keeps its own dtype, such as integer buffers.
        block: of the numbers, those of its largest block, such as one Transformer layer.
        layer: those of its largest single layer, within a block or, as an embedding, outside.
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

    `fp8` shrinks the part that denoises, or else the largest, alone; the others keep everything
    in RAM and bring a part, two blocks (one computes while the next comes) or a layer to the
    device.
    """
    width = WIDTH[dtype]
    whole = {part.name: part.numbers * width + part.other for part in parts}
    total = sum(whole.values())
    if not parts or rung == "full":
        return Footprint(total)
    if rung == "fp8":
        part = max(parts, key=lambda part: (part.name in DENOISERS, part.numbers))
        small = round(part.numbers * FP8_WIDTH) + part.other
        return Footprint(total - whole[part.name] + small)
    if rung == "offload":
        return Footprint(max(whole.values()), total)
    here = max(min(whole[part.name], piece(part, rung) * width) for part in parts)
    return Footprint(here, total)


def piece(part: Part, rung: Rung) -> int:
    """How many numbers of a part are on the device at once; all where its files do not tell."""
    if rung == "group":
        return max(2 * part.block, part.layer) or part.numbers
    return part.layer or part.block or part.numbers
