"""The pages within a server of somebody else's, and an engine of one's own behind them."""

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import aigc_core
from aigc_core.engine import Engine


def test_the_suite_can_be_mounted_beside_other_routes() -> None:
    from apps.suite import build
    from apps.ui.serve import mount

    server = FastAPI()
    server.get("/own")(lambda: "own")
    with TestClient(mount(server, build())) as client:
        assert client.get("/own").json() == "own"
        page = client.get("/image", headers={"accept-language": "zh"})
        assert page.status_code == httpx.codes.OK
        # What the language middleware puts at the top of each page.
        assert "aigc_lang" in page.text
        assert client.get("/config").json()["footer_links"] == []


def test_an_engine_of_ones_own_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aigc_core, "_chosen", [])
    aigc_core.default_engine.cache_clear()
    engine = Engine.default(batching=False)
    try:
        aigc_core.use(engine)
        assert aigc_core.default_engine() is engine
    finally:
        aigc_core.default_engine.cache_clear()
        engine.loader.close()
