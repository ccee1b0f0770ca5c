"""Threads that are started, and what they bring about, waited for."""

import threading
import time
from collections.abc import Callable

SOON = 90.0  # seconds; far beyond what a busy machine needs


def until(true: Callable[[], object]) -> float:
    """Waits for something to come true, and says how long it took."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() < start + SOON, "it never came about"
        time.sleep(0.001)
    return time.monotonic() - start


def start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def end(*threads: threading.Thread) -> None:
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
