"""Digits from noise: what a generator draws, how the picture grows in it, and how good it is."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Record, contact_sheet, read_record
from aigc_core.bridge import to_the_end
from aigc_core.events import Preview, Progress, Result
from aigc_core.exports import write_zip
from aigc_core.media import pixels
from aigc_core.tasks.image import SampleImages, TraceImage
from aigc_core.text import Text
from apps.image import growth, walk
from apps.ui import history, restore
from apps.ui.controls import NEW_SEED, control, model_choice
from apps.ui.demo import Demo
from apps.ui.language import language, t
from apps.ui.markup import heading
from apps.ui.quality import quality, quality_facts
from apps.ui.runs import KEPT, QUIET, events, guarded, progress, stops

POSTER = Path(__file__).parent / "posters" / "digits.png"
TITLE = Text("Digits from noise", "从噪声到数字")
LINE = Text(
    "A network turns a few random numbers into a handwritten digit.",
    "网络把几个随机数变成一个手写数字。",
)
SIDE = 28  # pixels of one picture on the sheet
PICTURE = Text("Digits drawn by the model", "模型绘制的数字")


def draw() -> None:
    """Draws the demo into the current context."""
    models = default_engine().models(SampleImages)
    on_show = gr.State(read_record(POSTER).model_dump())
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
                alt_text=PICTURE.abreast(),
            )
            status = gr.HTML(quality_facts(models[0]), padding=False, elem_id="facts")
        with gr.Column(scale=2, elem_classes=["controls"]):
            model = model_choice(models, elem_id="model")
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
            packed = gr.DownloadButton("ZIP", elem_id="packed", visible="hidden")
    with gr.Tabs():
        with gr.Tab(t(growth.TITLE), id="growth"):
            inside = growth.draw(models)
        with gr.Tab(t(walk.TITLE), id="walk") as between:
            walked = walk.draw(model, between)
        with gr.Tab(t(Text("How good is it?", "质量如何？")), id="quality"):
            good = gr.HTML(quality(models[0]), padding=False, elem_id="quality")
        with gr.Tab(t(Text("History and records", "历史与记录")), id="visit"):
            visits = history.draw()
            opened = restore.draw()

    settings = [label, count, seed, truncation, model]
    shown = [picture, status, save, on_show]
    # Who types a seed wants that one.
    seed.input(None, None, fresh, js="() => false", **QUIET)
    drawn = [
        go.click(None, [seed, fresh], seed, js=NEW_SEED).then(
            sample, settings, shown, api_name="image_sample", **KEPT
        ),
        visits.recalled(settings).success(sample, settings, shown, **QUIET),
        opened.restored(settings).success(sample, settings, shown, **QUIET),
    ]
    told = [status, good, label, walked]
    stops(stop, drawn)
    model.change(described, model, told, **QUIET)
    for job in drawn:
        job.failure(stopped, save, picture, **QUIET).then(described, model, told, **QUIET)
        job.success(worded, on_show, picture, **QUIET)
        inside.follow(job.success(first, on_show, [*inside.chosen, opened.record], **QUIET))
        visits.remember(job, on_show, save)
    inside.follow(picture.select(pick, on_show, [*inside.chosen, opened.record], **QUIET))
    pack.click(zipped, on_show, packed, **QUIET).success(
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
                        record = sheet.record
                        file = str(sheet.save(Path(folder) / f"{record.model}-{record.seed}.png"))
                        line = quality_facts(default_engine().catalog.find(record.model), record)
                        yield file, line, file, record.model_dump()


@guarded
async def described(model: Any, web: gr.Request) -> AsyncIterator[tuple[Any, ...]]:  # noqa: ARG001
    """What is known of a model: the line under the picture, its quality, whether it has classes."""
    entry = default_engine().catalog.find(model)
    known = gr.update(visible=entry.conditional)
    asked = known if entry.conditional else gr.update(visible=False, value="any")
    yield quality_facts(entry), quality(entry), asked, known


def stopped(file: str) -> str:
    """After a stop the last finished picture is back, which all the rest of the page is about."""
    return file


def worded(on_show: dict[str, Any], web: gr.Request) -> dict[str, Any]:
    """The picture's description for those who do not see it, from its record."""
    return gr.update(alt_text=Record.model_validate(on_show).describe().say(language(web)))


def first(on_show: dict[str, Any]) -> tuple[Any, ...]:
    """The first picture of a sheet is looked into, until another is clicked."""
    return chosen(Record.model_validate(on_show), 0)


def pick(on_show: dict[str, Any], at: gr.SelectData) -> tuple[Any, ...]:
    """The picture that was clicked, of a sheet of pictures of 28 pixels."""
    record = Record.model_validate(on_show)
    request = SampleImages.model_validate(record.request)
    x, y = at.index
    place = int(y) // SIDE * request.columns + int(x) // SIDE
    return chosen(record, min(place, request.count - 1))


def chosen(sheet: Record, place: int) -> tuple[Any, ...]:
    """The settings that make one picture of a sheet, and the sheet's record."""
    request = SampleImages.model_validate(sheet.request)
    # A model without classes takes any for its own, and is asked for none.
    kind = sheet.details["labels"][place]
    label = gr.update(
        value=kind or TraceImage.model_fields["label"].default, visible=kind is not None
    )
    return request.seed_of(place), label, request.truncation, sheet.model, sheet.model_dump()


@guarded
async def zipped(on_show: dict[str, Any], web: gr.Request) -> AsyncIterator[Any]:
    """All pictures of the sheet in one file, each with its record; drawn again for it."""
    record = Record.model_validate(on_show)
    request = SampleImages.ask(**record.request)
    with tempfile.TemporaryDirectory() as folder:
        async with aclosing(events(request, record.model, web)) as stream:
            async for event in stream:
                if isinstance(event, Result):
                    file = Path(folder) / f"{record.model}-{record.seed}.zip"
                    yield await to_the_end(write_zip, event.artifacts, file)


DIGITS = Demo("digits", TITLE, LINE, POSTER, draw)
