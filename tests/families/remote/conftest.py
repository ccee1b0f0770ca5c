from collections.abc import Callable, Iterator

import pytest

from aigc_core.engine import Engine
from tests.families.remote.asking import SECRET, entry
from tests.families.servers import Server, serving


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account is logged in, a proxy is set that nobody listens at, and the hub is off limits."""
    monkeypatch.setenv("HF_TOKEN", SECRET)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def engine(server: Server, engine_of: Callable[..., Engine]) -> Engine:
    return engine_of(
        entry("text", server=f"{server.url}/v1"), entry("image", server=f"{server.url}/draw")
    )
