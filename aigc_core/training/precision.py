"""Whether bfloat16 pays on this device, found by trying it for a second.

bfloat16 is up to 1.7 times faster where the hardware has it, and many times slower where it is
emulated or the machine is overloaded; no flag of the hardware tells which. So one step is timed
both ways, and bfloat16 is taken when it wins clearly and its losses agree.
"""

import time
from collections.abc import Callable
from typing import Literal

import torch

Precision = Literal["no", "bf16"]

GAIN = 1.1
TOLERANCE = 0.05
SECONDS = 0.5


def choose(losses: Callable[[], list[float]], device: torch.device) -> Precision:
    """`bf16` or `no` (float32).

    Args:
        losses: computes one step, forward and backward, without changing any weight, and returns
            its losses; the same each time under the same precision.
    """
    plain, reference = pace(losses, device, enabled=False)
    half, values = pace(losses, device, enabled=True)
    agree = all(
        abs(a - b) <= TOLERANCE * max(1.0, abs(b)) for a, b in zip(values, reference, strict=True)
    )
    return "bf16" if agree and plain > GAIN * half else "no"


def pace(
    losses: Callable[[], list[float]], device: torch.device, *, enabled: bool
) -> tuple[float, list[float]]:
    """The fastest step in seconds within half a second, and its losses."""
    with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
        values = losses()
        best, end = float("inf"), time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            start = time.perf_counter()
            losses()
            best = min(best, time.perf_counter() - start)
    return best, values
