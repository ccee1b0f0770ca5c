"""The models of a demo, each in a pane of its own, and what they write there."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Artifact, read_record, read_text
from aigc_core.catalog import Entry
from aigc_core.errors import AigcError, InvalidRequest
from aigc_core.media import Writing
from aigc_core.tasks import Request
from aigc_core.text import Text
from apps.text import panes
from apps.text.answers import More, Status, candidates, pieces
from apps.text.saving import saved
from apps.ui.controls import model_chips
from apps.ui.language import t
from apps.ui.pages import opened
from apps.ui.runs import QUIET, guarded, stops

NONE_HERE = Text(
    "No model that can do this is on this machine; the page Models downloads some.",
    "本机没有能做到这一点的模型；可在“模型”页下载。",
)
CANNOT = Text("{model} cannot do this.", "{model} 做不到这一点。")
NOT_NAMES = Text("Models must be a list of names.", "模型须是名称的列表。")
STOP, SAVE_ALL = Text("Stop", "停止"), Text("Save all", "全部保存")
# Panes that a page has: more than there are models, since some may be added while it is open.
SLOTS = 12
# A run that ended early writes no more.
STILL = "() => {{ document.querySelectorAll('#{id} .cursor').forEach((mark) => mark.remove()) }}"


def nothing(artifacts: Sequence[Artifact]) -> str:  # noqa: ARG001
    """Adds nothing to a pane."""
    return ""


def anything(entry: Entry, choice: Any) -> bool:  # noqa: ARG001
    """Every model can do what is chosen."""
    return True


def always(entry: Entry) -> bool:  # noqa: ARG001
    """Every model of ours."""
    return True


def same(entry: Entry, wish: Request) -> Request:  # noqa: ARG001
    """The wish as it is."""
    return wish


@dataclass(frozen=True)
class Lineup:
    """The models that answer one kind of request, each in a pane of its own.

    Args:
        request: what they answer.
        id: of the element that holds their panes.
        poster: a text that one of them wrote, to be there at first.
        page: how a text is set.
        more: HTML below a model's text, from the artifacts of its answer.
        able: whether a model can do what is chosen on the page, such as a genre.
        fitted: the wish as it is put to a model.
        unasked: whether one of ours answers where nobody has named any.
    """

    request: type[Request]
    id: str
    poster: Path
    page: panes.Page = panes.prose
    more: More = nothing
    able: Callable[[Entry, Any], bool] = anything
    fitted: Callable[[Entry, Request], Request] = same
    unasked: Callable[[Entry], bool] = always

    @property
    def entries(self) -> list[Entry]:
        """The models in the order of their panes, which no download changes; ours first."""
        found = default_engine().catalog.answering(self.request)
        return sorted(found, key=is_pretrained)[:SLOTS]

    @property
    def present(self) -> list[Entry]:
        """Those that can answer without a download."""
        return [entry for entry in self.entries if panes.is_here(entry)]

    def usual(self, choice: Any = None) -> list[Entry]:
        """Those that answer where nobody has named any: ours, and one that is pretrained."""
        here = [entry for entry in self.present if self.able(entry, choice)]
        ours = [entry for entry in here if not is_pretrained(entry) and self.unasked(entry)]
        return ours + [entry for entry in here if is_pretrained(entry)][:1]

    def asked(self, models: Any, choice: Any = None) -> list[Entry]:
        """Those that a visitor has named and that can do it, in the page's order; else the usual.

        Raises:
            AigcError: there is no such model, it does something else, or it is not on this machine.
        """
        if not isinstance(models or [], list | tuple):
            raise InvalidRequest(NOT_NAMES)
        named = {default_engine().catalog.find(model).id for model in models or ()}
        for strange in named.difference(entry.id for entry in self.entries):
            raise InvalidRequest(CANNOT, model=strange)
        chosen = [entry for entry in self.entries if entry.id in named]
        for entry in chosen:
            must_be_here(entry)
        return [entry for entry in chosen if self.able(entry, choice)] or self.usual(choice)

    def first(self, entry: Entry) -> str:
        """A model's pane before anything was asked of it: what it once wrote, or nothing."""
        artifact = kept(self.poster)
        if artifact is None or artifact.record.model != entry.id:
            return panes.blank(entry, self.page)
        given = str(artifact.record.request.get("prompt", ""))
        return panes.written(entry, given, artifact, self.page, self.more([artifact]))

    async def answers(
        self,
        wish: Request,
        models: Any,
        web: gr.Request,
        given: Callable[[Entry], str] = lambda _: "",
        made: list[Artifact] | None = None,
        choice: Any = None,
    ) -> AsyncGenerator[tuple[Any, ...], None]:
        """Values of a stage's `outputs` while the models answer one after the other.

        Args:
            models: ids of those that are asked, as they came; the usual ones where there is none.
            given: what stands on the page before a model's own words.
            made: takes the artifacts, as they are finished.
            choice: what they must be able to do.

        Raises:
            AigcError: there is no such model, it is not on this machine, or nobody can answer.
        """
        if not (chosen := self.asked(models, choice)):
            raise InvalidRequest(NONE_HERE)
        made = [] if made is None else made
        before = {entry.id: given(entry) for entry in chosen}
        shown = {entry.id: panes.working(entry, before[entry.id], self.page) for entry in chosen}

        def update(changed: dict[str, str], status: str, file: str | None = None) -> Any:
            held = gr.update(value=file, interactive=file is not None)
            said = {a.record.model: a.media.text for a in made if isinstance(a.media, Writing)}
            return *in_slots(self.entries, changed), status, held, said

        yield update(shown, "")
        wishes = [(entry.id, partial(self.fitted, entry, wish)) for entry in chosen]
        async with aclosing(pieces(wishes, web)) as stream:
            async for entry, news in stream:
                match news:
                    case Status(line):
                        yield update({}, line)
                        continue
                    case Writing(text, thinking):
                        pane = panes.working(entry, before[entry.id], self.page, text, thinking)
                    case Text():
                        pane = panes.failed(entry, news)
                    case _:
                        made += news
                        given_to, more = before[entry.id], self.more(news)
                        pane = panes.written(entry, given_to, news[0], self.page, more)
                shown[entry.id] = pane
                yield update({entry.id: pane}, "")
        with saved(made, self.id) as file:
            # All once more, for those who read the last event alone.
            yield update(shown, "", file)


class Stage:
    """The components of a lineup on a page; each `draw_...` draws into the current context."""

    def __init__(self, lineup: Lineup) -> None:
        self.lineup = lineup

    def draw_panes(self, choice: Any = None) -> None:
        """A pane of every model, of which the usual ones are seen, and a line on the absent."""
        entries, shown = self.lineup.entries, self.lineup.usual(choice)
        with gr.Column(elem_classes=["texts"], elem_id=self.lineup.id):
            self.panes = [
                gr.HTML(self.lineup.first(entry), padding=False, visible=entry in shown)
                for entry in entries
            ]
            self.panes += [
                gr.HTML(padding=False, visible=False) for _ in range(SLOTS - len(entries))
            ]
            self.away = gr.HTML(panes.away(entries), padding=False, elem_classes=["whole"])

    def draw_chips(self) -> None:
        """Which of the models that are here are to answer."""
        for entry in self.lineup.entries:
            t(entry.short)  # The page learns all names at the start.
        entries = self.lineup.present
        self.models = model_chips(
            entries, elem_id=f"{self.lineup.id}-models", visible=len(entries) > 1
        )
        self.models.value = [entry.id for entry in self.lineup.usual()]

    def draw_buttons(self, verb: Text) -> None:
        """The one thing to do, its end, what to keep of it, and a line on how far it is."""
        id = self.lineup.id
        self.go = gr.Button(t(verb), variant="primary", elem_id=f"{id}-go")
        with gr.Row(elem_classes=["small"]):
            self.stop = gr.Button(t(STOP), size="sm", elem_id=f"{id}-stop")
            self.save = gr.DownloadButton(
                t(SAVE_ALL), size="sm", interactive=False, elem_id=f"{id}-save"
            )
        self.status = gr.HTML(padding=False, elem_id=f"{id}-status")
        # For those who ask over the API, who can do without our HTML.
        self.said = gr.JSON(visible=False, label="texts")

    @property
    def outputs(self) -> list[gr.components.Component]:
        """What `Lineup.answers` fills."""
        return [*self.panes, self.status, self.save, self.said]

    def wire(self, *jobs: Any, choice: gr.components.Component | None = None) -> None:
        """Which models are here is looked up whenever the demo is opened; jobs can be stopped.

        Args:
            choice: what says what the models must be able to do.
        """
        lineup, made = self.lineup, choice or gr.State()
        known = gr.State([entry.id for entry in lineup.present])

        @guarded
        async def here(
            before: list[str],
            choice: Any,
            web: gr.Request,  # noqa: ARG001
        ) -> AsyncIterator[Any]:
            entries = lineup.present
            now = [entry.id for entry in entries]
            if now == before:
                yield (gr.skip(),) * (len(self.panes) + 3)
                return
            choices = [(t(entry.short), entry.id) for entry in entries]
            value = [entry.id for entry in lineup.usual()]
            chips = gr.update(choices=choices, value=value, visible=len(entries) > 1)
            shown = seen(value, choice)
            for place, entry in enumerate(lineup.entries):
                if entry.id in now and entry.id not in before:
                    shown[place]["value"] = lineup.first(entry)
            yield *shown, panes.away(lineup.entries), chips, now

        def seen(models: list[str], choice: Any) -> list[Any]:
            """Only the panes of those are there that would be asked."""
            found = {entry.id for entry in lineup.asked(models, choice)}
            news = {e.id: gr.update(visible=e.id in found) for e in lineup.entries}
            return in_slots(lineup.entries, news)

        @guarded
        async def select(
            models: list[str],
            choice: Any,
            web: gr.Request,  # noqa: ARG001
        ) -> AsyncIterator[Any]:
            yield seen(models, choice)

        opened()(here, [known, made], [*self.panes, self.away, self.models, known], **QUIET)
        for component in (self.models, choice):
            if component is not None:
                component.change(select, [self.models, made], self.panes, **QUIET)
        stops(self.stop, jobs, self.status)
        for job in jobs:
            job.failure(None, None, None, js=STILL.format(id=lineup.id), **QUIET)


def in_slots(entries: Sequence[Entry], changed: Mapping[str, Any]) -> list[Any]:
    """What changes in the panes, by model, for all panes of the page."""
    values = [changed.get(entry.id, gr.skip()) for entry in entries]
    return values + [gr.skip()] * (SLOTS - len(entries))


def is_pretrained(entry: Entry) -> bool:
    """Whether a model was not made here."""
    return entry.origin in ("hub", "remote")


def kept(poster: Path) -> Artifact | None:
    """The text in a file that was saved here; None where there is none."""
    try:
        return Artifact(Writing(read_text(poster)), read_record(poster))
    except (OSError, AigcError):
        return None


def present(request: type[Request]) -> list[Entry]:
    """The models that can answer without a download."""
    return [entry for entry in candidates(request) if panes.is_here(entry)]


def must_be_here(entry: Entry) -> None:
    """Nothing where a model can answer; it is not downloaded for a question.

    Raises:
        InvalidRequest: it is not on this machine.
    """
    if entry.origin == "hub" and not panes.is_here(entry):
        raise InvalidRequest(panes.ABSENT, name=entry.short, size=panes.weight(entry))
