"""A plugin for tests that compute: `pytest_plugins = ("tests.cores",)`."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """Threads of torch that wait for each other are slow where other programs run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
