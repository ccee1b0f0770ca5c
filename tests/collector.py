"""Python's collector, for tests that unload many models."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def light_collector() -> Iterator[None]:
    """Each model unloaded has the collector go through everything; what is here now, it skips."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
