"""Visitors who ask over HTTP, and engines to put behind the pages."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from aigc_core.catalog import Catalog, Entry
from aigc_core.engine import CatalogModel, Engine
from aigc_core.loader import Loader
from aigc_core.tasks.image import SampleImages, TraceImage
from tests.apps.slow import Slow, answer
from tests.apps.visiting import Client


@pytest.fixture
def visitor(suite: Any, url: str) -> Iterator[Callable[..., Client]]:
    """Makes visitors: `visitor(spoken="zh-CN")`, each with a session of their own."""
    functions = {str(fn.api_name): id for id, fn in suite.fns.items()}
    clients: list[Client] = []

    def make(spoken: str = "en-US") -> Client:
        session = f"visitor{len(clients)}at{time.monotonic_ns()}"
        clients.append(Client(url, functions, session, spoken))
        return clients[-1]

    yield make
    for client in clients:
        client.http.close()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that the server wrote so far: its log, uvicorn's, and what Gradio prints."""
    said = ""

    def read() -> str:
        nonlocal said
        said += "".join(capsys.readouterr()) + caplog.text
        return said

    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "asyncio")]
    for logger in loggers:
        logger.addHandler(caplog.handler)
    yield read
    for logger in loggers:
        logger.removeHandler(caplog.handler)


@pytest.fixture
def quiet(log: Callable[[], str]) -> Iterator[None]:
    """Fails the test if the server wrote a traceback meanwhile."""
    yield
    assert "Traceback" not in log()


@pytest.fixture
def behind_pages(monkeypatch: pytest.MonkeyPatch) -> Callable[[Engine], None]:
    """Lets the pages ask another engine, with waiting lines of its own."""
    from apps.image import how_good, panes, sampling, side_by_side
    from apps.ui import quality, runs, turns

    def put(engine: Engine) -> None:
        for module in (runs, sampling, side_by_side, how_good, panes, quality):
            monkeypatch.setattr(module, "default_engine", lambda: engine)
        monkeypatch.setattr(runs, "TURNS", turns.Turns())

    return put


@pytest.fixture
def engine_with(
    monkeypatch: pytest.MonkeyPatch, behind_pages: Callable[[Engine], None]
) -> Callable[..., Engine]:
    """Makes an engine with slow models beside the suite's own, and puts it behind the pages."""

    def make(*models: Slow) -> Engine:
        family = ModuleType("slow_family")
        family.ANSWERS = {SampleImages: answer, TraceImage: answer}  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, family.__name__, family)
        catalog = Catalog.default()
        first = next(iter(catalog.entries.values()))
        loadables: dict[str, Slow | CatalogModel] = {
            id: CatalogModel(entry) for id, entry in catalog.entries.items()
        }
        entries: list[Entry] = [*catalog.entries.values()]
        for model in models:
            loadables[model.id] = model
            entries.append(first.model_copy(update={"id": model.id, "family": family.__name__}))
        loader = Loader(loadables.__getitem__, batching=False)
        engine = Engine(Catalog([Entry(**entry.model_dump()) for entry in entries]), loader)
        behind_pages(engine)
        return engine

    return make
