import pytest

from tests.loader.house import House


@pytest.fixture
def house() -> House:
    return House()
