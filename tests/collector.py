"""A plugin for tests that unload much: `pytest_plugins = ("tests.collector",)`."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def light_collector() -> Iterator[None]:
    """Each unloaded model has the collector go through everything; so far, that is much."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
