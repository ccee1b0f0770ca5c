"""What runs really take beyond their weights, measured, and kept between runs of the program.

A family estimates its activations by a formula. Each run that has the machine to itself corrects
it: kept is how many times the estimate it took, by model and kind of device.
"""

import json
import logging
import re
import sys
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aigc_core.atomic import write_whole
from aigc_core.guard import Guard
from aigc_core.hardware import ROOT, Device, Kind, safely, text

logger = logging.getLogger(__name__)

LEAST, MOST = 0.02, 50.0  # of a sensible correction
FADING = 0.9  # what an older measurement counts, so that one bad moment is forgotten


@dataclass
class Meter:
    """One measurement under way."""

    key: str
    estimate: int
    device: Device
    before: int
    alone: bool = True


class Peaks:
    """Corrections of estimates.

    Args:
        file: where they are kept; None keeps them in memory only.

    Attributes:
        guard: the lock of all this.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.guard = Guard()
        self._meters: dict[Hashable, Meter | None] = {}
        self._factors: dict[str, float] = read(file)

    def activations(self, key: str, kind: Kind, estimate: int) -> int:
        """An estimate, corrected by what earlier runs took."""
        with self.guard:
            return round(estimate * self._factors.get(f"{key} {kind}", 1.0))

    def begin(self, run: Hashable, key: str, device: Device, estimate: int) -> None:
        """Starts to measure a run; with an estimate of 0 it only counts as company for others."""
        with self.guard:
            if run in self._meters:
                return
            alone = not self._meters
            self._disturb()
            before = safely(reset, None, device) if alone and estimate > 0 else None
            self._meters[run] = None if before is None else Meter(key, estimate, device, before)

    def disturb(self) -> None:
        """Something else takes memory now, such as a load: runs under way are not measured."""
        with self.guard:
            self._disturb()

    def end(self, run: Hashable) -> int | None:
        """Ends a run; the bytes it took at its peak, where that could be measured."""
        with self.guard:
            meter = self._meters.pop(run, None)
            if meter is None or not meter.alone:
                return None
            peak = safely(highest, None, meter.device)
            if peak is None:
                return None
            taken = max(0, peak - meter.before)
            self._learn(meter, taken)
            return taken

    def _disturb(self) -> None:
        for meter in self._meters.values():
            if meter is not None:
                meter.alone = False

    def _learn(self, meter: Meter, taken: int) -> None:
        name = f"{meter.key} {meter.device.kind}"
        old = self._factors.get(name)
        new = min(MOST, max(LEAST, taken / meter.estimate))
        kept = new if old is None else max(new, FADING * old + (1 - FADING) * new)
        self._factors[name] = kept
        if old is None or abs(kept - old) > 0.05 * old:
            write(self._file, self._factors)


def read(file: Path | None) -> dict[str, float]:
    """Kept corrections; none where the file is missing or not ours."""
    if file is None:
        return {}
    try:
        found = json.loads(file.read_text("utf-8"))
        return {str(k): float(v) for k, v in found.items() if LEAST <= float(v) <= MOST}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write(file: Path | None, factors: dict[str, float]) -> None:
    if file is None:
        return
    try:
        write_whole(file, json.dumps(factors, indent=1))
    except OSError:
        logger.warning("%s cannot be written", file)


def reset(device: Device) -> int | None:
    """Begins a new peak on a device; the bytes that are taken now, or None where nobody knows."""
    torch: Any = sys.modules.get("torch")
    if device.kind in ("cuda", "rocm", "xpu") and torch is not None:
        kind = torch.xpu if device.kind == "xpu" else torch.cuda
        kind.reset_peak_memory_stats(device.index)
        return int(kind.memory_allocated(device.index))
    if device.kind == "cpu":
        try:
            (ROOT / "proc/self/clear_refs").write_text("5")  # Linux: the peak is now the present.
        except OSError:
            return None
        return resident("VmRSS")
    return None


def highest(device: Device) -> int | None:
    """The peak on a device since `reset`, in bytes."""
    torch: Any = sys.modules.get("torch")
    if device.kind in ("cuda", "rocm", "xpu") and torch is not None:
        kind = torch.xpu if device.kind == "xpu" else torch.cuda
        return int(kind.max_memory_allocated(device.index))
    return resident("VmHWM") if device.kind == "cpu" else None


def resident(name: str) -> int | None:
    """A figure of this process's memory under Linux, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", text(ROOT / "proc/self/status"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None
