"""From a click to texts on the page: one model's answer, or those of several in turn."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from functools import partial

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.events import Preview, Progress, Result
from aigc_core.media import Writing
from aigc_core.studies.in_turn import Failed, Step, in_turn
from aigc_core.tasks import Request, ScoreText
from aigc_core.text import Text
from apps.text import panes
from apps.ui.markup import noted
from apps.ui.runs import paced, progress

Wishes = Iterable[tuple[str, Callable[[], Request]]]
# HTML below a model's text, from all that it answered.
More = Callable[[Sequence[Artifact]], str]


def candidates(*requests: type[Request]) -> list[Entry]:
    """The models that answer all of these, those from scratch first, then those that are here."""
    engine = default_engine()
    found = [
        entry
        for entry in engine.catalog.answering(requests[0])
        if all(entry.answers(request) for request in requests)
    ]
    return sorted(found, key=lambda entry: (entry.origin != "scratch", not panes.is_here(entry)))


def resting(entry: Entry) -> str:
    """A model's pane while nothing is asked of it."""
    return panes.blank(entry) if panes.is_here(entry) else panes.absent(entry)


async def texts(
    wishes: Wishes,
    web: gr.Request,
    given: Callable[[Request], str] = lambda _: "",
    made: list[Artifact] | None = None,
    more: More = lambda _: "",
) -> AsyncGenerator[tuple[dict[str, str], str], None]:
    """What several models write, one after the other.

    Args:
        wishes: ids of models, and what makes the request to each.
        given: what stands before the model's own words on the page.
        made: takes the artifacts, as they are finished.
        more: what stands below what a model wrote.

    Yields:
        HTML of the panes that changed, by model; a line on how far it is.
    """
    engine = default_engine()
    start = partial(in_turn, list(wishes), engine)
    async with aclosing(paced(start, web, kind_of)) as steps:
        async for step in steps:
            if isinstance(step, Progress):  # It waits for its turn.
                yield {}, progress(step)
                continue
            entry = engine.catalog.find(step.model)
            before = given(step.request) if step.request else ""
            match step.event:
                case Progress(done, total, note):
                    yield {}, progress(Progress(done, total, noted(entry.short, note)))
                case Preview(Writing() as media):
                    pane = panes.working(entry, before, media.text, media.thinking)
                    yield {entry.id: pane}, ""
                case Result(artifacts):
                    if made is not None:
                        made += artifacts
                    pane = panes.written(entry, before, artifacts[0], more(artifacts))
                    yield {entry.id: pane}, ""
                case Failed(why):
                    yield {entry.id: panes.failed(entry, why)}, ""


async def scores(
    request: ScoreText, entries: Iterable[Entry], web: gr.Request
) -> AsyncGenerator[tuple[str, list[tuple[Entry, Artifact | Text]]], None]:
    """What a text costs several models, one after the other.

    Yields:
        A line on how far it is, empty where something new is known; each model's answer so far,
        or why it has none.
    """
    asked = {entry.id: entry for entry in entries}
    found: list[tuple[Entry, Artifact | Text]] = []
    wishes = [(id, lambda: request) for id in asked]
    start = partial(in_turn, wishes, default_engine())
    async with aclosing(paced(start, web, kind_of)) as steps:
        async for step in steps:
            if isinstance(step, Progress):
                yield progress(step), found
                continue
            entry = asked[step.model]
            match step.event:
                case Progress(done, total, note):
                    yield progress(Progress(done, total, noted(entry.short, note))), found
                case Result(artifacts):
                    found.append((entry, artifacts[0]))
                    yield "", found
                case Failed(why):
                    found.append((entry, why))
                    yield "", found


def kind_of(event: Step | Progress) -> type:
    """The kind of what one of the models told."""
    return type(event.event if isinstance(event, Step) else event)
