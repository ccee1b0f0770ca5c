import pytest

from tests.collector import light_collector
from tests.loader.house import House

__all__ = ["light_collector"]


@pytest.fixture(scope="module", autouse=True)
def quickly(light_collector: None) -> None:
    """Every test here unloads models."""


@pytest.fixture
def house() -> House:
    return House()
