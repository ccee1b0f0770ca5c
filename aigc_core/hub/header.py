"""The header of a safetensors file: what tensors it has, without reading one.

Eight bytes with the header's length, the header in JSON, then the tensors' bytes
(https://huggingface.co/docs/safetensors). Everything in it is checked against the file's size, so
that a header that lies is refused before anybody reserves memory for it.
"""

import json
from math import prod
from typing import Any, NamedTuple

# The format's own limit.
LONGEST = 100_000_000
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8,
    "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4, "C64": 64,
}  # fmt: skip
NUMBERS = ("F64", "F32", "F16", "BF16")


class BadHeader(ValueError):
    """The file is no safetensors file, or its header lies."""


class Tensor(NamedTuple):
    """One tensor of a file.

    Args:
        floating: whether it takes the dtype of a placement; integers and what was quantised keep
            their own.
        bytes: in the file.
    """

    name: str
    numbers: int
    floating: bool
    bytes: int


def header_length(start: bytes, size: int) -> int:
    """Bytes of the header, from the first eight of a file of this size.

    Raises:
        BadHeader: there cannot be such a header.
    """
    length = int.from_bytes(start[:8], "little")
    if len(start) < 8 or not 2 <= length <= min(LONGEST, size - 8):
        raise BadHeader(f"a header of {length} bytes in a file of {size}")
    return length


def read_header(header: bytes, data: int) -> list[Tensor]:
    """The tensors that a header names.

    Args:
        header: its JSON.
        data: bytes of the file behind it.

    Raises:
        BadHeader: it is no JSON, or does not fit the file.
    """
    try:
        entries = json.loads(header)
        entries.pop("__metadata__", None)
        found = sorted((*entry["data_offsets"], name, entry) for name, entry in entries.items())
        at, tensors = 0, []
        for begin, end, name, entry in found:
            if begin != at:
                raise BadHeader(f"a gap before {name}")
            tensors.append(read_tensor(name, entry, end - begin))
            at = end
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadHeader(str(error)) from error
    if at != data:
        raise BadHeader(f"{at} bytes of tensors in {data}")
    return tensors


def read_tensor(name: str, entry: dict[str, Any], length: int) -> Tensor:
    shape, dtype = entry["shape"], entry["dtype"]
    if not all(type(side) is int and side >= 0 for side in shape):
        raise BadHeader(f"the shape of {name}")
    numbers = prod(shape)
    if dtype not in BITS or (numbers * BITS[dtype] + 7) // 8 != length:
        raise BadHeader(f"{dtype} {shape} in {length} bytes")
    return Tensor(name, numbers, dtype in NUMBERS, length)
