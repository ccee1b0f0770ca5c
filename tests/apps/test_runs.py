import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.events import Event, Preview, Progress, Result
from aigc_core.media import Image
from aigc_core.tasks.image import SampleImages
from aigc_core.text import Text
from apps.ui import runs
from tests.apps.slow import Slow

NOTE = Text("working", "进行中")
WEB: Any = SimpleNamespace(client=None, session_hash=None, headers={})


class Quick:
    """An engine whose runs are as quick as can be, until they dally at the very end."""

    def __init__(self, dally: float = 0.0) -> None:
        self.dally = dally

    def run(self, request: SampleImages, *, model: str | None) -> Any:
        for step in range(50):
            yield Progress(step, 50, NOTE)
            yield Preview(Image(np.zeros((1, 1), np.uint8)), step)
        yield Result(())
        time.sleep(self.dally)


def told(monkeypatch: pytest.MonkeyPatch, engine: Any) -> list[Event]:
    monkeypatch.setattr(runs, "default_engine", lambda: engine)

    async def listen() -> list[Event]:
        return [event async for event in runs.events(SampleImages(), None, WEB)]

    return asyncio.run(listen())


@pytest.mark.parametrize("dally", [0.0, 0.6])
def test_the_result_is_the_last_that_is_told(monkeypatch: pytest.MonkeyPatch, dally: float) -> None:
    events = told(monkeypatch, Quick(dally))
    assert [type(event) for event in events].count(Result) == 1
    assert isinstance(events[-1], Result)


def test_progress_never_goes_back(engine_with: Callable[..., Engine]) -> None:
    engine_with(Slow("slow", 0.02, steps=40))

    async def listen() -> list[int]:
        stream = runs.events(SampleImages(), "slow", WEB)
        return [event.step async for event in stream if isinstance(event, Progress)]

    steps = asyncio.run(listen())
    assert steps == sorted(steps)
    assert len(steps) > 1


@pytest.mark.parametrize(
    ("jobs", "seconds"), [(0, 0.2), (1, 0.2), (2, 0.2), (10, 1.0), (16, 1.6), (400, 2.0)]
)
def test_a_page_hears_less_often_where_many_run_but_is_not_forgotten(
    jobs: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "TURNS", SimpleNamespace(jobs=jobs))
    assert runs.pace() == pytest.approx(seconds)


def test_what_others_leave_behind_hastens_the_next_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace of the moment counts, not that of the moment when the run began."""
    monkeypatch.setattr(runs, "TURNS", crowd := SimpleNamespace(jobs=20, enter=runs.TURNS.enter))
    crowd.leave = runs.Turns().leave

    class Long:
        def run(self, request: SampleImages, *, model: str | None) -> Any:
            yield Progress(0, 2, NOTE)
            crowd.jobs = 1
            time.sleep(1.2)
            yield Result(())

    monkeypatch.setattr(runs, "default_engine", Long)

    async def first_word() -> float:
        start = time.monotonic()
        async with aclosing(runs.events(SampleImages(), None, WEB)) as stream:
            assert isinstance(await anext(stream), Progress)
            return time.monotonic() - start

    assert asyncio.run(first_word()) < 1.1


def complain(handler: Any, language: str = "en") -> gr.Error:
    web = gr.Request(headers={"accept-language": language})

    async def consume() -> None:
        async for _ in runs.guarded(handler)(web):
            pass

    with pytest.raises(gr.Error) as raised:
        asyncio.run(consume())
    return raised.value


def test_a_sentence_of_ours_is_shown_without_markup_and_traceback() -> None:
    async def handler(web: gr.Request) -> Any:
        raise InvalidRequest(Text("a <b> & c", "甲 <b> & 乙"))
        yield

    error = complain(handler)
    assert error.message == "a &lt;b&gt; &amp; c"
    assert not error.print_exception
    assert complain(handler, "zh").message == "甲 &lt;b&gt; &amp; 乙"


def test_a_bug_is_an_apology(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(web: gr.Request) -> Any:
        raise RuntimeError("secret")
        yield

    error = complain(handler)
    assert "secret" not in error.message
    assert error.message.split("noted as ")[1][:6] in caplog.text


def test_progress_is_a_line_in_both_languages() -> None:
    line = runs.progress(Progress(3, 4, NOTE))
    assert "working" in line
    assert "进行中" in line
    assert "3 / 4" in line
    assert "width:75%" in line
    assert "0 / 0" not in runs.progress(Progress(0, 0, NOTE))
