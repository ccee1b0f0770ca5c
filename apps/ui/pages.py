"""What is on every page: the way to the other pages, and the two switches."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.context import Context

from aigc_core.text import Text
from apps.ui.demo import Modality
from apps.ui.language import both, t
from apps.ui.markup import said

SUITE = Text("Generative AI, from scratch", "生成式 AI，从零写起")
HOME = Text("Home", "首页")
MODELS = ("models", Text("Models", "模型"))
LIGHT = Text("Light or dark", "切换浅色／深色")


def header(modalities: tuple[Modality, ...], here: str) -> None:
    """The line at the top. Links are relative, so that any root path will do.

    Args:
        modalities: of the suite; none where one stands alone.
        here: path of the page, empty for the home page.
    """
    pages = [("", HOME), *((modality.path, modality.title) for modality in modalities), MODELS]
    links = "".join(
        f'<a href="./{path}"{" aria-current=page" if path == here else ""}>{both(title)}</a>'
        for path, title in (pages if modalities else [])
    )
    gr.HTML(
        f'<header class="top"><nav>{links}</nav><div class="switches">'
        f'<a class="en" lang="zh" href="./{here}?lang=zh">中文</a>'
        f'<a class="zh" lang="en" href="./{here}?lang=en">English</a>'
        f'<button type="button" data-shade aria-label="{said(LIGHT)}">◐</button>'
        "</div></header>",
        padding=False,
    )


def draw_modality(modality: Modality) -> None:
    """A modality's demos: one stands alone, several share tabs, which `?demo=` opens."""
    demos = modality.present
    if len(demos) == 1:
        demos[0].draw()
        return
    with gr.Tabs(elem_classes=["demos", *(f"demo-{demo.id}" for demo in demos)]):
        for demo in demos:
            with gr.Tab(t(demo.title), id=demo.id, elem_id=f"demo-{demo.id}"):
                demo.draw()


def opened() -> Any:
    """The event of what is being drawn coming into view: its tab is chosen, or the page is there.

    Called like any of Gradio's events: `opened()(handler, inputs, outputs)`.
    """
    block = Context.block
    while block is not None:
        if isinstance(block, gr.Tab):
            return block.select
        block = block.parent
    assert Context.root_block is not None
    return Context.root_block.load


@contextmanager
def outside() -> Iterator[None]:
    """Draws onto the page itself. What stands in a tab is not there until the tab is opened."""
    inside, Context.block = Context.block, Context.root_block
    try:
        yield
    finally:
        Context.block = inside
