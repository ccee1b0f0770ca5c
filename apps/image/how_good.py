"""How good is it: figures measured live, of any number of pictures, damaged on purpose or not."""

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import contact_sheet
from aigc_core.data import mnist
from aigc_core.events import Progress, Result
from aigc_core.media import Image
from aigc_core.metrics.glossary import METRICS
from aigc_core.studies.in_turn import Step
from aigc_core.studies.quality import SHOWN, Measured, measure
from aigc_core.studies.side_by_side import candidates, side_by_side
from aigc_core.tasks.study import CompareModels, MeasureQuality
from aigc_core.text import Text
from apps.image.columns import FLOOR, NEARNESS, ROWS, Column, from_card, from_study, plain, table
from apps.image.curve import curve
from apps.ui.controls import control, model_choice
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede, picture
from apps.ui.pages import opened
from apps.ui.runs import QUIET, guarded, paced, progress, stops

POSTER = Path(__file__).parent / "posters" / "quality.png"
TITLE = MeasureQuality.title
LINE = Text(
    "Measure a model, damage its pictures, and see which figures notice.",
    "测量一个模型，再破坏它的图片，看看哪些指标能察觉。",
)
VERDICT = Text(
    "↓ lower is better, ↑ higher is better, ≈ as for real digits. Damage is noticed where the "
    "figure got worse by more than three standard deviations between sets of real digits, missed "
    "where it did not change as much, and misled where it got better.",
    "↓ 越低越好，↑ 越高越好，≈ 越接近真实数字越好。破坏后，指标变差的幅度超过多组真实数字之间"
    "三倍标准差为已察觉，变化不大为未察觉，反而变好为被误导。",
)
SAYS = Text("What each figure says", "各指标的含义")
# Results on the page, and the pictures of those that come from cards.
LIMIT = 8
HEADS: dict[str, str] = {}


def draw() -> None:
    """Draws the demo into the current context."""
    entries = candidates(default_engine())
    first = [column for entry in entries if (column := from_card(entry))]
    results = gr.State(first)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["result"]):
            view = gr.HTML(table(first, HEADS), padding=False, elem_id="measured")
        with gr.Column(scale=2, elem_classes=["controls"]):
            model = model_choice(entries, elem_id="measure-model")
            count = control(MeasureQuality, "count", info=None)
            damage = control(MeasureQuality, "damage", info=None)
            with gr.Accordion(t(Text("More", "更多")), open=False):
                seed = control(MeasureQuality, "seed")
                nearest = control(MeasureQuality, "nearest")
            go = gr.Button(t(Text("Measure", "测量")), variant="primary", elem_id="measure-go")
            with gr.Row(elem_classes=["small"]):
                stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="measure-stop")
                clear = gr.Button(t(Text("Clear", "清空")), size="sm", elem_id="measure-clear")
                save = gr.DownloadButton(
                    t(Text("Save figures", "保存指标")),
                    size="sm",
                    interactive=False,
                    elem_id="measure-save",
                )
            status = gr.HTML(padding=False, elem_id="measure-status")
    gr.HTML(lede(VERDICT), padding=False)
    chart = gr.HTML(curve(first), padding=False, elem_id="measure-curve")
    gr.HTML(meanings(), padding=False)
    figures = gr.JSON(visible=False)

    shown = [view, chart, status, results, figures, save]
    job = go.click(
        measured,
        [model, count, damage, seed, nearest, results],
        shown,
        api_name="image_measure",
        show_progress="hidden",
    )
    stops(stop, [job], status)
    clear.click(cleared, None, [view, chart, status, results, save], **QUIET).then(
        None, cancels=job, **QUIET
    )
    opened()(heads, None, status, **QUIET).then(again, results, view, **QUIET)


@guarded
async def measured(
    model: Any,
    count: Any,
    damage: Any,
    seed: Any,
    nearest: Any,
    results: list[Column],
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    request = MeasureQuality.ask(count=count, damage=damage, seed=seed, nearest=nearest)
    engine = default_engine()
    async with aclosing(paced(lambda: measure(request, model=model, engine=engine), web)) as stream:
        async for event in stream:
            match event:
                case Progress():
                    yield gr.skip(), gr.skip(), progress(event), gr.skip(), gr.skip(), gr.skip()
                case Measured():
                    found = from_study(engine.catalog.find(event.model), event)
                    columns = [found, *results][:LIMIT]
                    with tempfile.TemporaryDirectory() as folder:
                        file = Path(folder) / f"{event.model}-{request.count}.json"
                        file.write_text(json.dumps(plain(event), indent=2), "utf-8")
                        yield (
                            table(columns, HEADS),
                            curve(columns),
                            "",
                            columns,
                            plain(event),
                            gr.update(value=str(file), interactive=True),
                        )


def cleared() -> tuple[Any, ...]:
    """An empty page; the floor stays in the curve."""
    return table([], HEADS), curve([]), "", [], gr.update(value=None, interactive=False)


@guarded
async def heads(web: gr.Request) -> AsyncIterator[str]:
    """Draws the first of the pictures that the cards' figures are of, once for all visitors."""
    engine = default_engine()
    places = {entry.id: FLOOR if entry.is_data else entry.id for entry in candidates(engine)}
    missing = [
        entry.id
        for entry in candidates(engine)
        if places[entry.id] not in HEADS
        and (mnist.is_here("test") if entry.is_data else from_card(entry))
    ]
    if missing:
        question = CompareModels.ask(label="any", count=SHOWN, seed=0, models=missing)
        async with aclosing(paced(lambda: side_by_side(question, engine), web)) as stream:
            async for step in stream:
                if isinstance(step, Step) and isinstance(step.event, Result):
                    made = contact_sheet(step.event.artifacts, columns=5)
                    assert isinstance(made.media, Image)
                    HEADS[places[step.model]] = picture(made.media, made.record.describe())
    yield ""


async def again(results: list[Column]) -> str:
    """The table with all the pictures that there are."""
    return table(results, HEADS)


def meanings() -> str:
    """What each figure says, folded."""
    lines = "".join(
        f"<li><b>{both(METRICS[name].title)}</b> {both(METRICS[name].says)}</li>"
        for name in (*ROWS, *NEARNESS)
    )
    return f'<details class="meanings"><summary>{both(SAYS)}</summary><ul>{lines}</ul></details>'


QUALITY = Demo("quality", TITLE, LINE, POSTER, draw)
