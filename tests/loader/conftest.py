from collections.abc import Iterator

import pytest

from tests.collector import light_collector
from tests.loader.house import House


@pytest.fixture(scope="module", autouse=True)
def quickly() -> Iterator[None]:
    """Every test here unloads models."""
    with light_collector():
        yield


@pytest.fixture
def house() -> House:
    return House()
