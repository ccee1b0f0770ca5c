"""What is on every page: the way to the other pages, and the two switches."""

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
from gradio.context import Context

from aigc_core.text import Text
from apps.ui.demo import Modality
from apps.ui.language import both, t

SUITE = Text("Generative AI, from scratch", "生成式 AI，从零写起")
HOME = Text("Home", "首页")
LIGHT = Text("Light or dark", "切换浅色／深色")


def header(modalities: tuple[Modality, ...], here: str) -> None:
    """The line at the top. Links are relative, so that any root path will do.

    Args:
        modalities: of the suite; none where one stands alone.
        here: path of the page, empty for the home page.
    """
    pages = [("", HOME), *((modality.path, modality.title) for modality in modalities)]
    links = "".join(
        f'<a href="./{path}"{" aria-current=page" if path == here else ""}>{both(title)}</a>'
        for path, title in (pages if modalities else [])
    )
    gr.HTML(
        f'<header class="top"><nav>{links}</nav><div class="switches">'
        f'<a class="en" lang="zh" href="./{here}?lang=zh">中文</a>'
        f'<a class="zh" lang="en" href="./{here}?lang=en">English</a>'
        f'<button type="button" data-shade aria-label="{LIGHT.en} · {LIGHT.zh}">◐</button>'
        "</div></header>",
        padding=False,
    )


def draw_modality(modality: Modality) -> None:
    """A modality's demos: one stands alone, several share tabs."""
    if len(modality.demos) == 1:
        modality.demos[0].draw()
        return
    with gr.Tabs():
        for demo in modality.demos:
            with gr.Tab(t(demo.title), id=demo.id):
                demo.draw()


@contextmanager
def outside() -> Iterator[None]:
    """Draws onto the page itself. What stands in a tab is not there until the tab is opened."""
    inside, Context.block = Context.block, Context.root_block
    try:
        yield
    finally:
        Context.block = inside
