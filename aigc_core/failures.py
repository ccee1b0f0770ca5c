"""What an error says of a device: that its memory ran out, or that it is lost.

Told by class names and messages, so that torch is not needed. Libraries wrap such errors in their
own: what one was raised from counts too.
"""

import errno

from aigc_core.causes import causes

OUT_OF_MEMORY = (
    "can't allocate memory",  # torch on a CPU under Linux and macOS
    "cannot allocate memory",  # its mapping of files
    "not enough memory",  # and under Windows
    "out of memory",
    "invalid buffer size",  # MPS
    "_alloc_failed",  # cuBLAS, cuDNN and their like
    "out_of_device_memory",  # XPU, from below torch's allocator
)
LOST = (  # After these, nothing works on the device until the process is started anew.
    "device-side assert",
    "illegal memory access",
    "unspecified launch failure",
    "illegal instruction was encountered",
    "misaligned address",
    "launch timed out",
    "uncorrectable ecc error",
    "hardware stack error",
    "device lost",
    "device_lost",
    "device is lost",
    "hardware exception",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out."""
    return any(map(says_out_of_memory, causes(error)))


def says_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in message for sign in OUT_OF_MEMORY)


def is_lost(error: BaseException) -> bool:
    """Whether the device failed in a way that only a new process mends."""
    return any(
        isinstance(cause, RuntimeError) and any(sign in str(cause).lower() for sign in LOST)
        for cause in causes(error)
    )
