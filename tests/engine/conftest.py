from collections.abc import Iterator

import pytest

from aigc_core.engine import Engine
from tests.engine.engines import MODEL


@pytest.fixture(autouse=True)
def no_file_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIGC_CATALOG", raising=False)


@pytest.fixture(scope="module")
def alone() -> Iterator[Engine]:
    """An engine that batches nothing."""
    engine = Engine.default(batching=False)
    with engine.loader.lease(MODEL):
        pass
    yield engine
    engine.loader.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    """An engine as visitors share it."""
    engine = Engine.default()
    with engine.loader.lease(MODEL):
        pass
    yield engine
    engine.loader.close()


@pytest.fixture(params=["alone", "shared"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)
