"""Latent map: a plane on which every point is a digit, and the paths between two of them."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.exports import file_name
from aigc_core.media import Animation, Image, sheet
from aigc_core.metrics.places import read_places
from aigc_core.metrics.scales import minus
from aigc_core.tasks import DecodeLatent, MapLatent, WalkLatent
from aigc_core.text import Text
from apps.image.latent_plane import END, POINT, SHOWS, START, seen, template
from apps.ui.controls import control, model_choice
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import address, animation, heading, lede, picture
from apps.ui.pages import opened
from apps.ui.quality import quality_facts
from apps.ui.runs import QUIET, guarded, outcome

POSTER = Path(__file__).parent / "posters" / "map.png"
SCRIPT = Path(__file__).with_suffix(".js")
TITLE = Text("Latent map", "潜空间地图")
LINE = Text(
    "Every point of a plane is a digit, alike beside alike.",
    "平面上的每一点都是一个数字，相似的彼此相邻。",
)
SAYS = Text(
    "Click or drag on the map to see a point of it large. The latent of this model is two numbers, "
    "so all that it can draw lies in one plane. Most test digits (the dots, by class) lie near the "
    "middle; between two kinds the model draws what no one wrote.",
    "在地图上点击或拖动，即可放大查看该点。这个模型的潜变量只有两个数，因此它能画的一切都在一个平面上。"
    "大多数测试数字（按类别着色的点）靠近中心；在两类之间，模型画出无人写过的字形。",
)
PATH = Text("A path between two points", "两点之间的路径")
PATH_SAYS = Text(
    "Drag A and B on the map, or set them where the point is: the model draws equal steps along "
    "the straight line.",
    "在地图上拖动 A 和 B，或把它们设在所选的点上：模型沿直线等距绘制。",
)
# Where the page's script keeps the point and the ends of the path; before it runs, the defaults.
AT = "JSON.parse(document.querySelector('#latent-map .plane')?.dataset.{name} ?? 'null')"
WHERE = f"(x, y, model) => [...({AT.format(name='point')} ?? [x, y]), model]"
ENDS = (
    f"(x, y, x_to, y_to, ...rest) => [...({AT.format(name='start')} ?? [x, y]), "
    f"...({AT.format(name='end')} ?? [x_to, y_to]), ...rest]"
)
SET = (
    "() => document.querySelector('#latent-map .plane')"
    ".dispatchEvent(new CustomEvent('aigc-end', {{detail: '{name}'}}))"
)
SHOW = "(value) => { document.querySelector('#latent-map .plane').dataset.show = value; }"


def draw() -> None:
    """Draws the demo into the current context."""
    models = default_engine().models(MapLatent)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["result"]):
            with gr.Row(elem_classes=["mapped"]):
                plane = gr.HTML(
                    seen(address("image/png", POSTER.read_bytes()), 3.0, models[0]),
                    html_template=template(),
                    js_on_load=SCRIPT.read_text("utf-8"),
                    elem_id="latent-map",
                )
                view = gr.HTML(padding=False, elem_id="decoded")
            status = gr.HTML(quality_facts(models[0]), padding=False, elem_id="map-facts")
        with gr.Column(scale=2, elem_classes=["controls"]):
            model = model_choice(models, visible=len(models) > 1)
            show = gr.Radio(
                [(t(name), value) for value, name in SHOWS],
                value=SHOWS[0][0],
                label=t(Text("Show", "显示")),
                elem_classes=["chips"],
                elem_id="map-show",
                visible=any(read_places(entry.folder) for entry in models),
            )
            gr.HTML(lede(SAYS), padding=False)
            with gr.Accordion(t(Text("More", "更多")), open=False):
                columns = control(MapLatent, "columns")
                reach = control(MapLatent, "reach")
            save = gr.DownloadButton(
                t(Text("Save map", "保存地图")), POSTER, size="sm", elem_id="map-save"
            )
    gr.HTML(f"<h2>{both(PATH)}</h2>{lede(PATH_SAYS)}", padding=False)
    with gr.Row(elem_classes=["choices"]):
        with gr.Row(elem_classes=["small", "left"]):
            ends = [
                gr.Button(
                    t(Text(f"{mark} here", f"{mark} 设在此处")), size="sm", elem_id=f"map-{name}"
                )
                for mark, name in (("A", "start"), ("B", "end"))
            ]
            gif = gr.DownloadButton(
                t(Text("Save GIF", "保存 GIF")), size="sm", interactive=False, elem_id="map-gif"
            )
        steps = control(WalkLatent, "steps", info=None)
    strip = gr.HTML(padding=False, elem_id="map-walk")

    x, y = (
        control(DecodeLatent, name, value=value, visible=False)
        for name, value in zip("xy", POINT, strict=True)
    )
    path = [
        control(WalkLatent, name, value=value, visible=False)
        for name, value in zip(("x", "y", "x_to", "y_to"), START + END, strict=True)
    ]
    show.change(None, show, None, js=SHOW, **QUIET)
    for button, name in zip(ends, ("start", "end"), strict=True):
        button.click(None, js=SET.format(name=name), **QUIET)
    quiet: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last"}
    gr.on(
        [opened(), model.change, columns.release, reach.release],
        draw_map,
        [columns, reach, model],
        [plane, save, status],
        api_name="image_map_latent",
        **quiet,
    )
    gr.on(
        [opened(), model.change, plane.input],
        decode,
        [x, y, model],
        view,
        js=WHERE,
        api_name="image_decode_latent",
        **quiet,
    )
    gr.on(
        [opened(), model.change, plane.release, steps.release],
        walk,
        [*path, steps, model],
        [strip, gif],
        js=ENDS,
        api_name="image_walk_latent",
        **quiet,
    )


@guarded
async def draw_map(
    columns: Any, reach: Any, model: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    request = MapLatent.ask(columns=columns, reach=reach)
    (drawn,) = await outcome(request, model, web)
    entry = default_engine().catalog.find(drawn.record.model)
    with tempfile.TemporaryDirectory() as folder:
        file = drawn.save(Path(folder) / file_name(drawn))
        value = seen(address("image/png", file.read_bytes()), request.reach, entry)
        yield value, str(file), quality_facts(entry, drawn.record)


@guarded
async def decode(x: Any, y: Any, model: Any, web: gr.Request) -> AsyncIterator[str]:
    request = DecodeLatent.ask(x=x, y=y)
    (drawn,) = await outcome(request, model, web)
    assert isinstance(drawn.media, Image)
    at = minus(f"x = {request.x:.2f}, y = {request.y:.2f}")
    yield (
        f'<figure class="decoded">{picture(drawn.media, drawn.record.describe())}'
        f"<figcaption>{at}</figcaption></figure>"
    )


@guarded
async def walk(
    x: Any, y: Any, x_to: Any, y_to: Any, steps: Any, model: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    request = WalkLatent.ask(x=x, y=y, x_to=x_to, y_to=y_to, steps=steps)
    (drawn,) = await outcome(request, model, web)
    assert isinstance(drawn.media, Animation)
    says, frames = drawn.record.describe(), drawn.media.frames
    with tempfile.TemporaryDirectory() as folder:
        file = drawn.save(Path(folder) / file_name(drawn))
        row = picture(sheet(frames, columns=min(len(frames), 12)), says)
        moving = animation(file.read_bytes(), says)
        yield (
            f'<figure class="walk">{moving}{row}</figure>',
            gr.update(value=str(file), interactive=True),
        )


MAP = Demo("map", TITLE, LINE, POSTER, draw, needs=MapLatent)
