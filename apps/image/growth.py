"""How the picture grows: the activations of each layer of a generator, from noise to digit."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.events import Result
from aigc_core.media import Image
from aigc_core.tasks.image import TraceImage
from aigc_core.text import Text
from apps.ui.controls import control, model_choice
from apps.ui.language import both
from apps.ui.markup import lede, picture, same
from apps.ui.runs import QUIET, events, guarded

TITLE = Text("How the picture grows", "图片如何一步步形成")
LEDE = Text(
    "Click a digit above. Each panel is one layer of the network on its way from noise to "
    "picture: feature maps side by side, or the units of a fully connected layer as one square, "
    "brighter where they are more active.",
    "点击上方的任一数字。每一格是网络的一层，从噪声走向图片："
    "并排的特征图，或全连接层的单元排成的方块，越亮表示越活跃。",
)
UNITS = Text("{size} x {size} units", "{size} x {size} 个单元")
SHAPE = Text(
    "{shown} of {channels} maps, {size} x {size}",
    "{channels} 张特征图中的 {shown} 张，{size} x {size}",
)
WHOLE = Text("the picture, {size} x {size}", "图片，{size} x {size}")


@dataclass(frozen=True)
class Growth:
    """The panel: which picture is looked into, and the view of its layers.

    Args:
        chosen: seed, label, truncation and model; the page sets the last two, unseen.
    """

    chosen: tuple[gr.components.Component, ...]
    view: gr.HTML

    def follow(self, event: Any) -> None:
        """Looks into the picture that an event has chosen."""
        event.success(trace, [*self.chosen], self.view, **QUIET)


def draw(models: list[Entry]) -> Growth:
    """Draws the panel into the current context."""
    gr.HTML(lede(LEDE), padding=False)
    with gr.Row(elem_classes=["choices"]):
        label = control(TraceImage, "label", info=None, scale=3)
        seed = control(TraceImage, "seed", info=None, scale=1)
        truncation = control(TraceImage, "truncation", visible=False)
        model = model_choice(models, visible=False)
    view = gr.HTML(padding=False, elem_id="growth")
    gr.on(
        [label.input, seed.input],
        trace,
        [seed, label, truncation, model],
        view,
        api_name="image_trace",
        show_progress="hidden",
        trigger_mode="always_last",
    )
    page = gr.context.Context.root_block
    assert page is not None
    page.load(trace, [seed, label, truncation, model], view, **QUIET)
    return Growth((seed, label, truncation, model), view)


@guarded
async def trace(
    seed: Any, label: Any, truncation: Any, model: Any, web: gr.Request
) -> AsyncIterator[Any]:
    request = TraceImage.ask(seed=seed, label=label, truncation=truncation)
    async with aclosing(events(request, model, web)) as stream:
        async for event in stream:
            if isinstance(event, Result):
                yield layers(event.artifacts)


def layers(artifacts: tuple[Artifact, ...]) -> str:
    """The layers side by side, all as large; the last is the picture."""
    *hidden, last = artifacts
    shown = "".join(layer(artifact, several(artifact)) for artifact in hidden)
    return f'<div class="growth">{shown}{layer(last, WHOLE)}</div>'


def several(artifact: Artifact) -> Text:
    """What the small squares are: feature maps, or the units of a fully connected layer."""
    channels, _, _ = artifact.record.details["shape"]
    return UNITS if channels == 1 else SHAPE


def layer(artifact: Artifact, says: Text) -> str:
    assert isinstance(artifact.media, Image)
    assert artifact.caption
    details = artifact.record.details
    channels, size, _ = details["shape"]
    name = details["layer"]
    shape = says.fill(shown=details["shown"], channels=channels, size=size)
    kind = ' class="units"' if says is UNITS else ""
    return (
        f"<figure{kind}>{picture(artifact.media, same(name))}<figcaption><b>{escape(name)}</b> "
        f"{both(artifact.caption)}<small>{both(shape)}</small></figcaption></figure>"
    )
