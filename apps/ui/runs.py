"""From a click to a run and back: turns, cancelling, and what a visitor is told when it fails."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Sequence
from contextlib import aclosing, suppress
from functools import wraps
from html import escape
from typing import Any, TypeVar

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Artifact
from aigc_core.bridge import ended, to_the_end
from aigc_core.errors import AigcError
from aigc_core.events import Event, Preview, Progress, Result
from aigc_core.tasks import Request
from aigc_core.text import Text
from apps.ui.language import both, language
from apps.ui.turns import Turns, Visitor

log = logging.getLogger(__name__)

TURNS = Turns()

# Seconds between updates of a page, where many run between those of all pages together, and the
# longest that a page hears nothing.
PACE, SHARED_PACE, SILENCE = 0.2, 0.1, 2.0

WAITING = Text("waiting, {position} before you", "排队中，前面还有 {position} 个")
SORRY = Text(
    "Something broke on our side; it is noted as {id}. Your settings are kept: please try again.",
    "我们这边出错了，已记录为 {id}。你的设置已保留，请再试一次。",
)

STOPPED = Text("Stopped.", "已停止。")

# Of events that belong to the page and not to the API.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

# Of the event behind a button: a click in the middle of a run is kept until it has ended.
KEPT: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last"}

Handler = Callable[..., AsyncIterator[Any]]
E = TypeVar("E")


def events(request: Request, model: str | None, web: gr.Request) -> AsyncGenerator[Event, None]:
    """The events of a run, at the pace of a reader; close it to stop the run."""
    return paced(lambda: default_engine().run(request, model=model), web)


async def outcome(request: Request, model: str | None, web: gr.Request) -> tuple[Artifact, ...]:
    """What a run makes that is too short to tell how far it is."""
    async with aclosing(events(request, model, web)) as stream:
        async for event in stream:
            if isinstance(event, Result):
                return event.artifacts
    raise RuntimeError(f"{request.task} ended without a result")


async def paced(
    start: Callable[[], Generator[E, None, None]],
    web: gr.Request,
    kind: Callable[[E | Progress], type] = type,
) -> AsyncGenerator[E | Progress, None]:
    """The events of a run or a study, at the pace of a reader; close it to stop the work.

    Of progress and previews that come faster, the latest of each is told: an update of the page
    costs Gradio more time than a small network's whole run. The rest is told at once.

    Args:
        start: begins the work once it is the visitor's turn.
        kind: which kind of event one is.
    """
    kept: dict[type, E | Progress] = {}
    told = time.monotonic()
    step: asyncio.Future[E | Progress | None] | None = None
    async with aclosing(steps(start, web)) as stream:
        try:
            while True:
                step = asyncio.ensure_future(anext(stream, None))
                while not step.done():
                    left = told + pace() - time.monotonic()
                    if kept and left <= 0:
                        for event in kept.values():
                            yield event
                        kept.clear()
                        told = time.monotonic()
                    await asyncio.wait([step], timeout=min(left, PACE) if kept else None)
                if (news := step.result()) is None:
                    return
                if kind(news) in (Progress, Preview):
                    kept[kind(news)] = news
                else:
                    kept.clear()  # What is older must not be told after it.
                    yield news
        finally:
            if step is not None:
                step.cancel()
                await ended(step)


def pace() -> float:
    """Seconds until the next update of a page: updates must not crowd out what they tell of."""
    return min(max(PACE, SHARED_PACE * TURNS.jobs), SILENCE)


async def steps(
    start: Callable[[], Generator[E, None, None]], web: gr.Request
) -> AsyncGenerator[E | Progress, None]:
    """All events of a run or a study, once it is the visitor's turn.

    Every step of it happens on a worker thread, so that a page is never held up.
    """
    run = None
    place = TURNS.enter(visitor(web))
    try:
        while not place.called.is_set():
            yield Progress(0, 0, WAITING.fill(position=TURNS.position(place)))
            with suppress(TimeoutError):
                await asyncio.wait_for(place.called.wait(), timeout=0.5)
        run = start()
        while (event := await to_the_end(next, run, None)) is not None:
            yield event
    finally:
        try:
            if run is not None:
                await to_the_end(run.close)
        finally:
            TURNS.leave(place)


def stops(button: gr.Button, jobs: Sequence[Any], status: gr.HTML | None = None) -> None:
    """A button that ends jobs, and a line that says so.

    Once Gradio's client has cancelled a job it may close the page's stream with another answer
    still on its way. So nothing else is asked by the same click; what is to follow stands at the
    job's `failure`, which comes when the job has ended.
    """
    button.click(None, cancels=list(jobs), **QUIET)
    words = json.dumps(f'<p class="status">{both(STOPPED)}</p>')
    for job in jobs if status else ():
        job.failure(None, None, status, js=f"() => {words}", **QUIET)


def visitor(web: gr.Request) -> Visitor:
    """Who asks. Behind a proxy the server is told the address by it (uvicorn's proxy headers)."""
    address = web.client.host if web.client else ""
    return Visitor(address, web.session_hash or "")


def guarded(handler: Handler) -> Handler:
    """A handler whose failures reach the visitor as one sentence in their language.

    The handler is an async generator with a parameter `web: gr.Request`.
    """

    @wraps(handler)
    async def inner(*values: Any, **named: Any) -> AsyncIterator[Any]:
        web = next((v for v in (*values, *named.values()) if isinstance(v, gr.Request)), None)
        try:
            async with aclosing(handler(*values, **named)) as outputs:  # type: ignore[type-var]
                async for output in outputs:
                    yield output
        except AigcError as error:
            raise shown(error.text, web) from None
        except gr.Error:
            raise
        except Exception:
            id = secrets.token_hex(3)
            log.exception("run %s failed", id)
            raise shown(SORRY.fill(id=id), web) from None

    return inner


def shown(text: Text, web: gr.Request | None) -> gr.Error:
    """A message as Gradio shows it; the text may hold a stranger's words."""
    return gr.Error(escape(text.say(language(web)), quote=False), print_exception=False)


def progress(event: Progress) -> str:
    """A line that says how far a run is."""
    count = f" {event.step} / {event.total}" if event.total else ""
    share = 100 * event.step / event.total if event.total else 0
    return (
        f'<div class="status" role="status">{both(event.note)}{count}'
        f'<i style="width:{share:.0f}%"></i></div>'
    )
