"""From a click to texts on the page: one model's answer, or those of several in turn."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.events import Preview, Progress, Result
from aigc_core.media import Writing
from aigc_core.studies.in_turn import Failed, Step, in_turn
from aigc_core.tasks import Request
from aigc_core.text import Text
from apps.text import panes
from apps.ui.markup import noted
from apps.ui.runs import paced, progress

Wishes = Iterable[tuple[str, Callable[[], Request]]]


@dataclass(frozen=True)
class Status:
    """How far a run is, as HTML."""

    line: str


News = Status | Writing | tuple[Artifact, ...] | Text
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


async def pieces(wishes: Wishes, web: gr.Request) -> AsyncGenerator[tuple[Entry, News], None]:
    """What several models answer, one after the other.

    Args:
        wishes: ids of models, and what makes the request to each.

    Yields:
        The model, and its news: a line on how far it is (also before its turn has come), the text
        so far, its artifacts, or why there are none.
    """
    engine = default_engine()
    asked = list(wishes)
    async with aclosing(paced(partial(in_turn, asked, engine), web, kind_of)) as steps:
        async for step in steps:
            if isinstance(step, Progress):
                yield engine.catalog.find(asked[0][0]), Status(progress(step))
                continue
            entry = engine.catalog.find(step.model)
            match step.event:
                case Progress(done, total, note):
                    told = Progress(done, total, noted(entry.short, note))
                    yield entry, Status(progress(told))
                case Preview(Writing() as text):
                    yield entry, text
                case Result(artifacts):
                    yield entry, artifacts
                case Failed(why):
                    yield entry, why


def kind_of(event: Step | Progress) -> type:
    """The kind of what one of the models told."""
    return type(event.event if isinstance(event, Step) else event)
