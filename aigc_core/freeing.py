"""Memory that nobody uses any more, given back: to Python, to the drivers, to the system."""

import ctypes
import gc
import sys
from typing import Any

from aigc_core.hardware import safely


def collect() -> None:
    """Frees what only refers to itself, and returns what nobody uses to the system."""
    gc.collect()
    give_back()


def give_back() -> None:
    """Returns memory that nobody uses: torch's caches to the drivers, the heap to the system."""
    torch = sys.modules.get("torch")
    if torch is not None:
        for name in ("cuda", "xpu", "mps"):
            kind = getattr(torch, name, None)
            if kind is not None and safely(started, False, torch, name):
                safely(kind.empty_cache, None)
    trim()


def started(torch: Any, name: str) -> bool:
    """Whether a kind of accelerator is in use; asking its cache for memory would start it."""
    if name == "mps":
        return bool(torch.backends.mps.is_available())
    return bool(getattr(torch, name).is_initialized())


def trim() -> None:
    """Hands the heap's free pages back to the system, which glibc does not do by itself."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return  # another C library, which needs no telling
