"""Side by side: the same wish to every model that draws digits, and to real digits."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Artifact, contact_sheet
from aigc_core.bridge import to_the_end
from aigc_core.data import mnist
from aigc_core.events import Progress, Result
from aigc_core.exports import write_zip
from aigc_core.studies.in_turn import Failed, Step
from aigc_core.studies.side_by_side import candidates, side_by_side
from aigc_core.tasks.study import CompareModels
from aigc_core.text import Text
from apps.image.panes import blank, drawn, failed, working
from apps.ui.controls import NEW_SEED, control, model_chips
from apps.ui.demo import Demo
from apps.ui.language import t
from apps.ui.markup import heading, lede, noted
from apps.ui.pages import opened
from apps.ui.runs import KEPT, QUIET, guarded, paced, progress, stops

POSTER = Path(__file__).parent / "posters" / "compare.png"
TITLE = CompareModels.title
# Of the pages that draw for the first time; set once a visitor asks for something else.
FIRST: dict[str | None, asyncio.Event] = {}
LINE = Text(
    "One wish to every model, and real digits beside them.",
    "同一个要求交给每个模型，旁边放上真实数字。",
)
SEEDS = Text(
    "One seed gives every model the same random numbers, as many as its latent has (one shorter "
    "than 16 gets others). But each model has given them a meaning of its own, so that pictures "
    "in the same place need not be alike.",
    "同一个种子给每个模型相同的随机数，潜变量有多长就取多少个（短于 16 的取到的不同）。"
    "但每个模型赋予它们的含义不同，因此同一位置的图片不必相像。",
)
COLUMNS = 10


def draw() -> None:
    """Draws the demo into the current context."""
    entries = candidates(default_engine())
    seen = gr.State(False)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["panes"], elem_id="compare"):
            panes = [gr.HTML(blank(entry), padding=False) for entry in entries]
        with gr.Column(scale=2, elem_classes=["controls"]):
            models = model_chips(entries, elem_id="compare-models")
            label = control(CompareModels, "label", info=None)
            count = control(CompareModels, "count", info=None)
            with gr.Accordion(t(Text("More", "更多")), open=False):
                seed = control(CompareModels, "seed")
                fresh = gr.Checkbox(True, label=t(Text("New seed each time", "每次换新种子")))
            go = gr.Button(t(Text("Draw", "绘制")), variant="primary", elem_id="compare-draw")
            with gr.Row(elem_classes=["small"]):
                stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="compare-stop")
                save = gr.DownloadButton(
                    t(Text("Save all", "全部保存")),
                    size="sm",
                    interactive=False,
                    elem_id="compare-save",
                )
            status = gr.HTML(padding=False, elem_id="compare-status")
    gr.HTML(lede(SEEDS), padding=False)

    shown = [*panes, status, save]
    seed.input(None, None, fresh, js="() => false", **QUIET)
    first = opened()(opening, seen, [*shown, seen], **QUIET)
    job = go.click(None, [seed, fresh], seed, js=NEW_SEED).then(
        compare,
        [label, count, seed, models],
        shown,
        api_name="image_compare",
        **KEPT,
    )
    stops(stop, [first, job], status)
    models.change(chosen, models, panes, **QUIET)


@guarded
async def compare(
    label: Any, count: Any, seed: Any, models: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    if (first := FIRST.get(web.session_hash)) is not None:
        first.set()
    question = CompareModels.ask(label=label, count=count, seed=seed, models=models or ())
    async with aclosing(answers(question, web)) as outputs:
        async for output in outputs:
            yield output


@guarded
async def opening(seen: bool, web: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
    """The first time that the demo is seen it draws; for real digits it fetches nothing."""
    entries = candidates(default_engine())
    if seen:
        yield (gr.skip(),) * (len(entries) + 3)
        return
    here = [e.id for e in entries if not e.is_data or mnist.is_here("test")]
    question = CompareModels.ask(models=here)
    over = FIRST[web.session_hash] = asyncio.Event()
    try:
        async with aclosing(answers(question, web)) as outputs:
            async for output in outputs:
                if over.is_set():
                    return
                yield *output, True
    finally:
        del FIRST[web.session_hash]


async def answers(
    question: CompareModels, web: gr.Request
) -> AsyncGenerator[tuple[Any, ...], None]:
    """What the panes, the line below and the button to save show, as the study goes on."""
    engine = default_engine()
    entries = {entry.id: entry for entry in candidates(engine)}
    asked = set(question.models) or set(entries)
    panes = {id: working(entry, question) for id, entry in entries.items() if id in asked}
    sheets: list[Artifact] = []

    def update(changed: dict[str, str], status: Any, file: str | None = None) -> tuple[Any, ...]:
        shown = (changed.get(id, gr.skip()) for id in entries)
        return *shown, status, gr.update(value=file, interactive=file is not None)

    yield update(panes, "")
    with tempfile.TemporaryDirectory() as folder:
        async with aclosing(paced(lambda: side_by_side(question, engine), web, kind_of)) as steps:
            async for step in steps:
                if isinstance(step, Progress):
                    yield update({}, progress(step))
                    continue
                entry = engine.catalog.find(step.model)
                match step.event:
                    case Progress(done, total, note):
                        whose = noted(entry.short, note)
                        yield update({}, progress(Progress(done, total, whose)))
                        continue
                    case Result(artifacts):
                        sheets.append(contact_sheet(artifacts, COLUMNS))
                        panes[entry.id] = drawn(entry, sheets[-1], question)
                    case Failed(why):
                        panes[entry.id] = failed(entry, why)
                yield update({entry.id: panes[entry.id]}, gr.skip())
        file = Path(folder) / f"compare-{question.seed}.zip"
        # All once more, for those who ask over the API and read the last event.
        yield update(panes, "", str(await to_the_end(write_zip, sheets, file)) if sheets else None)


def kind_of(event: Step | Progress) -> type:
    """The kind of what one of the models told."""
    return type(event.event if isinstance(event, Step) else event)


async def chosen(models: list[str]) -> list[Any]:
    """Only the panes of the chosen models are there; all, where none is chosen."""
    return [
        gr.update(visible=not models or entry.id in models)
        for entry in candidates(default_engine())
    ]


COMPARE = Demo("compare", TITLE, LINE, POSTER, draw)
