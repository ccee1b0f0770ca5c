"""How much of a device's memory models may take."""

import os
import re

from aigc_core.errors import InvalidRequest
from aigc_core.hardware import Device
from aigc_core.text import Text

UNITS = {"": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}

DEVICE = re.compile(r"cpu|mps|(cuda|xpu):\d+")

MEMORY = Text(
    "AIGC_MEMORY must be like cpu=4GB,cuda:0=20GB; “{given}” is not.",
    "AIGC_MEMORY 的形式应为 cpu=4GB,cuda:0=20GB，而不是“{given}”。",
)


def limit(device: Device) -> int:
    """Bytes that all models together may take there: what `AIGC_MEMORY` says, else all.

    Raises:
        InvalidRequest: it cannot be read.
    """
    return min(limits().get(device.id, device.total), device.total)


def limits() -> dict[str, int]:
    """What `AIGC_MEMORY="cpu=4GB,cuda:0=20GB"` leaves to models, by device; the rest is others'.

    Raises:
        InvalidRequest: it cannot be read.
    """
    said = os.environ.get("AIGC_MEMORY", "")
    found: dict[str, int] = {}
    for pair in filter(None, (part.strip() for part in said.split(","))):
        name, _, amount = (part.strip() for part in pair.rpartition("="))
        unit = amount.lstrip("0123456789.")
        try:
            most = round(float(amount.removesuffix(unit)) * UNITS[unit.strip()])
        except (ValueError, KeyError):
            raise InvalidRequest(MEMORY, given=pair) from None
        if not DEVICE.fullmatch(name):
            raise InvalidRequest(MEMORY, given=pair)
        found[name] = most
    return found


def allowance(device: Device) -> int:
    """Bytes that idle models may keep there: most of its own memory, half of shared RAM."""
    return round(device.total * (0.5 if device.unified else 0.9))
