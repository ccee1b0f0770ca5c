"""Variations: a drawn digit, read by a model that knows the way back, and drawn anew around it."""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image as Pillow

from aigc_core import default_engine
from aigc_core.artifact import Artifact, contact_sheet, read_record
from aigc_core.bridge import to_the_end
from aigc_core.data import mnist
from aigc_core.errors import AigcError
from aigc_core.events import Progress, Result
from aigc_core.exports import file_name
from aigc_core.media import Image
from aigc_core.tasks import DecodeLatent, EncodeImage, FindNeighbours, VaryImage
from aigc_core.text import Text
from apps.image import drawing_pad, reading
from apps.ui.controls import NEW_SEED, control, model_choice
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.pages import opened
from apps.ui.quality import quality_facts
from apps.ui.runs import KEPT, QUIET, events, guarded, outcome, progress

POSTER = Path(__file__).parent / "posters" / "variations.png"
TITLE = Text("Variations", "变体")
LINE = Text(
    "Draw a digit, and the model draws others like it.",
    "画一个数字，模型画出与它相似的其他字形。",
)
NATS = Text(
    "What a picture costs, in nats (1 nat = 1.44 bits): the less likely the model finds it, the "
    "more. The rate is what the latent tells of it, the distortion what the pixels cost once the "
    "latent is known. Both bounds lie above the true cost, the importance-weighted one closer.",
    "图片的代价以纳特计（1 纳特 = 1.44 比特）：模型认为它越不可能，代价越高。"
    "码率是潜变量所含的图片信息，失真是已知潜变量后像素的代价。"
    "两个界都高于真实代价，重要性加权的界更接近。",
)
ROWS = Text(
    "Each row goes farther from what was read: at 0 it is the reconstruction, at 1 nothing of the "
    "picture is left. A column keeps its noise.",
    "每一行离读到的图片更远：0 处即重建结果，1 处与原图无关。同一列使用相同的噪声。",
)
NEAREST = Text("Nearest training digits", "最近的训练数字")
NEAREST_SAYS = Text(
    "The training digits whose latents lie nearest to that of the picture.",
    "潜变量与此图最接近的训练数字。",
)
FETCH = Text(
    "The training digits of MNIST are not on this machine. The button fetches them (10 MB).",
    "本机没有 MNIST 训练数字。点击按钮将下载（10 MB）。",
)


def draw() -> None:
    """Draws the demo into the current context."""
    # One that needs not be told the class is the simpler to begin with.
    models = sorted(default_engine().models(EncodeImage), key=lambda entry: entry.conditional)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage", "drawn"]):
        with gr.Column(scale=5, elem_classes=["result"]):
            read = gr.HTML(padding=False, elem_id="reading")
            with gr.Row(elem_classes=["varied"]):
                rows = gr.HTML(first_rows(), padding=False, elem_id="variations")
                where = gr.HTML(padding=False, elem_id="place")
            status = gr.HTML(padding=False, elem_id="variations-status")
        with gr.Column(scale=2, elem_classes=["controls"]):
            picture, upload = drawing_pad.draw()
            go = gr.Button(t(Text("Vary", "画出变体")), variant="primary", elem_id="vary")
            model = model_choice(models, elem_id="variations-model")
            label = control(EncodeImage, "label", info=None, visible=models[0].conditional)
            with gr.Accordion(t(Text("More", "更多")), open=False):
                distance = control(VaryImage, "distance")
                lines, columns = (control(VaryImage, n, info=None) for n in ("rows", "columns"))
                seed = control(VaryImage, "seed")
                fresh = gr.Checkbox(True, label=t(Text("New seed each time", "每次换新种子")))
                save = gr.DownloadButton(
                    t(Text("Save variations", "保存变体")), POSTER, size="sm", elem_id="vary-save"
                )
    gr.HTML(f"{lede(ROWS)}{lede(NATS)}<h2>{both(NEAREST)}</h2>{lede(NEAREST_SAYS)}", padding=False)
    near = gr.HTML(padding=False, elem_id="nearest")
    with gr.Row(elem_classes=["small", "left"]):
        find = gr.Button(t(Text("Find", "查找")), size="sm", elem_id="nearest-find")
    count = control(FindNeighbours, "count", visible=False)

    digit = gr.State()  # What was last read, so that it is not found in the picture again.
    shown: dict[str, Any] = {"show_progress": "hidden"}
    varied = [label, distance, lines, columns, seed, model]
    seed.input(None, None, fresh, js="() => false", **QUIET)
    model.change(described, model, label, **QUIET)
    upload.upload(placed, upload, picture, **QUIET)
    gr.on(
        [opened(), picture.input, model.change, label.input],
        encode,
        [picture, label, seed, model],
        [read, where, digit],
        api_name="image_encode",
        trigger_mode="always_last",
        **shown,
    ).success(vary, [digit, *varied], [rows, save, status], **QUIET).success(
        nearby, [digit, label, count, model], near, **QUIET
    )
    go.click(None, [seed, fresh], seed, js=NEW_SEED).then(
        vary, [picture, *varied], [rows, save, status], api_name="image_vary", **KEPT
    )
    find.click(
        neighbours, [picture, label, count, model], near, api_name="image_neighbours", **shown
    )


@guarded
async def encode(
    picture: Any, label: Any, seed: Any, model: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    digit = await to_the_end(drawing_pad.packed, picture)
    request = EncodeImage.ask(picture=digit, label=label, seed=seed)
    artifacts = await outcome(request, model, web)
    entry = default_engine().catalog.find(artifacts[0].record.model)
    read = reading.reading(artifacts, entry)
    yield read, gr.skip(), digit
    for plane in default_engine().models(DecodeLatent)[:1]:
        try:
            _, back = artifacts if plane == entry else await outcome(request, plane.id, web)
        except AigcError:  # The page can do without the map.
            continue
        yield read, reading.place(back, plane), digit


@guarded
async def vary(
    picture: Any,
    label: Any,
    distance: Any,
    rows: Any,
    columns: Any,
    seed: Any,
    model: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    digit = await to_the_end(drawing_pad.packed, picture)
    request = VaryImage.ask(
        picture=digit, label=label, distance=distance, rows=rows, columns=columns, seed=seed
    )
    sheet = contact_sheet(await outcome(request, model, web), request.columns)
    entry = default_engine().catalog.find(sheet.record.model)
    with tempfile.TemporaryDirectory() as folder:
        file = sheet.save(Path(folder) / file_name(sheet))
        yield shown_rows(sheet), str(file), quality_facts(entry, sheet.record)


@guarded
async def neighbours(
    picture: Any, label: Any, count: Any, model: Any, web: gr.Request
) -> AsyncIterator[str]:
    digit = await to_the_end(drawing_pad.packed, picture)
    request = FindNeighbours.ask(picture=digit, label=label, count=count)
    async with aclosing(found(request, model, web)) as outputs:
        async for output in outputs:
            yield output


@guarded
async def nearby(
    digit: Any, label: Any, count: Any, model: Any, web: gr.Request
) -> AsyncIterator[str]:
    """After each reading its neighbours, where that fetches nothing."""
    if not mnist.is_here("train"):
        yield lede(FETCH)
        return
    request = FindNeighbours.ask(picture=digit, label=label, count=count)
    async with aclosing(found(request, model, web)) as outputs:
        async for output in outputs:
            yield output


async def found(request: FindNeighbours, model: Any, web: gr.Request) -> AsyncGenerator[str, None]:
    async with aclosing(events(request, model, web)) as stream:
        async for event in stream:
            if isinstance(event, Progress):
                yield progress(event)
            elif isinstance(event, Result):
                yield reading.neighbours(event.artifacts)


@guarded
async def described(model: Any, web: gr.Request) -> AsyncIterator[Any]:  # noqa: ARG001
    """The class is asked for where the model knows classes."""
    yield gr.update(visible=default_engine().catalog.find(model).conditional)


@guarded
async def placed(file: Any, web: gr.Request) -> AsyncIterator[str]:  # noqa: ARG001
    """What a file shows, on the sheet."""
    yield await to_the_end(drawing_pad.uploaded, file)


def first_rows() -> str:
    """The variations of the drawing that is there first."""
    with Pillow.open(POSTER) as poster:
        pixels = np.asarray(poster.convert("L"))
    return shown_rows(Artifact(Image(pixels), read_record(POSTER)))


def shown_rows(sheet: Artifact) -> str:
    assert isinstance(sheet.media, Image)
    request = VaryImage.model_validate(sheet.record.request)
    says = sheet.record.describe()
    return reading.grid(sheet.media.pixels, request.rows, request.distance, says)


VARIATIONS = Demo("variations", TITLE, LINE, POSTER, draw, needs=VaryImage)
