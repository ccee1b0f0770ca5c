"""glibc's allocator, told to keep its memory while we train.

By default glibc hands large blocks back to the kernel at every free and gets them anew, page
fault by page fault, at the next step: on two cores that has cost up to nine tenths of a training's
time. The settings are read when a process starts, so a training starts itself again with them.
"""

import os
import platform
import sys

SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": str(2**31),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
    "MALLOC_TOP_PAD_": str(2**26),
}


def keep_memory() -> None:
    """Replaces this process by itself with the settings, unless it has them; glibc only."""
    if platform.libc_ver()[0] != "glibc" or all(name in os.environ for name in SETTINGS):
        return
    sys.stdout.flush()
    os.execve(sys.executable, sys.orig_argv, {**SETTINGS, **os.environ})
