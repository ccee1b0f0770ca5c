"""Digits from noise: what a generator draws, how the picture grows in it, and how good it is."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Artifact, contact_sheet
from aigc_core.events import Preview, Progress, Result
from aigc_core.exports import write_zip
from aigc_core.media import pixels
from aigc_core.tasks.image import SampleImages
from aigc_core.text import Text
from apps.image import growth, walk
from apps.ui import history, restore
from apps.ui.controls import NEW_SEED, control, model_choice
from apps.ui.demo import Demo
from apps.ui.language import language, t
from apps.ui.markup import heading
from apps.ui.quality import quality, quality_facts
from apps.ui.runs import QUIET, events, guarded, progress

POSTER = Path(__file__).parent / "posters" / "digits.png"
TITLE = Text("Digits from noise", "从噪声到数字")
LINE = Text(
    "A generator turns 64 random numbers and a class into a handwritten digit.",
    "生成器把 64 个随机数和一个类别变成一个手写数字。",
)
PICTURE = Text("Digits drawn by the model", "模型绘制的数字")


def draw() -> None:
    """Draws the demo into the current context."""
    models = default_engine().models(SampleImages)
    run = gr.State((), time_to_live=3600)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["result"]):
            picture = gr.Image(
                POSTER,
                label=t(PICTURE),
                show_label=False,
                type="filepath",
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                elem_id="result",
                alt_text=PICTURE.en,
            )
            status = gr.HTML(quality_facts(models[0]), padding=False, elem_id="facts")
        with gr.Column(scale=2, elem_classes=["controls"]):
            model = model_choice(models)
            label = control(SampleImages, "label", info=None)
            count = control(SampleImages, "count", info=None)
            with gr.Accordion(t(Text("More", "更多")), open=False):
                seed = control(SampleImages, "seed")
                fresh = gr.Checkbox(True, label=t(Text("New seed each time", "每次换新种子")))
                truncation = control(SampleImages, "truncation")
            go = gr.Button(t(Text("Draw", "绘制")), variant="primary", elem_id="draw")
            with gr.Row(elem_classes=["small"]):
                stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="stop")
                save = gr.DownloadButton(
                    t(Text("Save picture", "保存图片")), POSTER, size="sm", elem_id="save"
                )
                pack = gr.Button(t(Text("Save all", "全部保存")), size="sm", elem_id="pack")
            packed = gr.DownloadButton("ZIP", elem_id="packed", elem_classes=["unseen"])
    with gr.Tabs():
        with gr.Tab(t(growth.TITLE), id="growth"):
            inside = growth.draw(model, truncation)
        with gr.Tab(t(walk.TITLE), id="walk") as between:
            walk.draw(model, between)
        with gr.Tab(t(Text("How good is it?", "质量如何？")), id="quality"):
            good = gr.HTML(quality(models[0]), padding=False, elem_id="quality")
        with gr.Tab(t(Text("This visit, and records", "本次访问与记录")), id="visit"):
            visits = history.draw()
            opened = restore.draw()

    settings = [label, count, seed, truncation, model]
    shown = [picture, status, save, run]
    drawn = [
        go.click(None, [seed, fresh], seed, js=NEW_SEED).then(
            sample, settings, shown, api_name="image_sample", show_progress="hidden"
        ),
        visits.recalled(settings).success(sample, settings, shown, **QUIET),
        opened.restored(settings).success(sample, settings, shown, **QUIET),
    ]
    stop.click(described, model, [status, good], cancels=drawn, **QUIET)
    model.change(described, model, [status, good], **QUIET)
    for job in drawn:
        job.success(first, run, [*inside.chosen, opened.record], **QUIET).success(
            growth.trace, [*inside.chosen, truncation, model], inside.view, **QUIET
        )
        visits.remember(job, run)
    picture.select(pick, run, [*inside.chosen, opened.record], **QUIET).success(
        growth.trace, [*inside.chosen, truncation, model], inside.view, **QUIET
    )
    pack.click(zipped, run, packed, **QUIET).success(
        None, js="() => document.querySelector('#packed').click()"
    )


@guarded
async def sample(
    label: Any, count: Any, seed: Any, truncation: Any, model: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    request = SampleImages.ask(label=label, count=count, seed=seed, truncation=truncation)
    with tempfile.TemporaryDirectory() as folder:
        async with aclosing(events(request, model, web)) as stream:
            async for event in stream:
                match event:
                    case Progress():
                        yield gr.skip(), progress(event), gr.skip(), gr.skip()
                    case Preview():
                        yield pixels(event.media), gr.skip(), gr.skip(), gr.skip()
                    case Result(artifacts):
                        sheet = contact_sheet(artifacts, request.columns)
                        file = sheet.save(Path(folder) / f"{sheet.record.model}-{seed}.png")
                        entry = default_engine().catalog.find(sheet.record.model)
                        shown = gr.update(
                            value=str(file), alt_text=sheet.record.describe().say(language(web))
                        )
                        yield shown, quality_facts(entry, sheet.record), file, artifacts


def described(model: Any) -> tuple[str, str]:
    """What is known of a model: the line under the picture, and its quality."""
    entry = default_engine().catalog.find(model)
    return quality_facts(entry), quality(entry)


def drawn_or_poster(run: tuple[Artifact, ...]) -> tuple[Artifact, ...]:
    """The pictures on show: those of the run, or, before the first, those of the poster."""
    return run or default_engine().result(SampleImages()).artifacts


def first(run: tuple[Artifact, ...]) -> tuple[Any, ...]:
    """The first picture of a run is looked into, until another is clicked."""
    return chosen(run, 0)


def pick(run: tuple[Artifact, ...], at: gr.SelectData) -> tuple[Any, ...]:
    """The picture that was clicked."""
    run = drawn_or_poster(run)
    columns = SampleImages.model_validate(run[0].record.request).columns
    height, width = pixels(run[0].media).shape
    x, y = at.index
    return chosen(run, min(int(y) // height * columns + int(x) // width, len(run) - 1))


def chosen(run: tuple[Artifact, ...], place: int) -> tuple[Any, ...]:
    record = run[place].record
    return record.seed, record.details["label"], record.model_dump()


def zipped(run: tuple[Artifact, ...]) -> Iterator[Any]:
    """All pictures on show in one file, each with its record."""
    run = drawn_or_poster(run)
    with tempfile.TemporaryDirectory() as folder:
        yield write_zip(run, Path(folder) / f"{run[0].record.model}-{run[0].record.seed}.zip")


DIGITS = Demo("digits", TITLE, LINE, POSTER, draw)
