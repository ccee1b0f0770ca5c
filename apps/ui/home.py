"""The first page: one sentence, then the demos as pictures that the models made themselves."""

from html import escape
from pathlib import Path

import gradio as gr

from aigc_core.artifact import read_text
from aigc_core.text import Text
from apps.ui.demo import Demo, Modality
from apps.ui.language import both
from apps.ui.markup import address, heading
from apps.ui.pages import SUITE

SENTENCE = Text(
    "Small models, written and trained from scratch so that you can read them in an afternoon, "
    "drawing live on the machine that serves this page. Nothing leaves it.",
    "这些小模型从零编写、从零训练，一个下午就能读懂；图片由提供本页面的机器实时生成，"
    "数据不会离开那台机器。",
)


def draw_home(modalities: tuple[Modality, ...]) -> None:
    """Title, sentence, and a card per demo; the first card leads."""
    cards = "".join(card(modality, demo) for modality in modalities for demo in modality.present)
    gr.HTML(f'{heading(SUITE, SENTENCE)}<div class="cards">{cards}</div>', padding=False)


def card(modality: Modality, demo: Demo) -> str:
    return (
        f'<a class="card" href="./{modality.path}?demo={demo.id}">{poster(demo.poster)}'
        f'<div><h2>{both(demo.title)}</h2><p><span class="tag">{both(modality.title)}</span> '
        f"{both(demo.line)}</p></div></a>"
    )


def poster(file: Path) -> str:
    """What a model made: a picture, or a text."""
    if file.suffix != ".txt":
        source = address("image/png", file.read_bytes())
        return f'<div class="pic"><img class="pixels" src="{source}" alt=""></div>'
    text = read_text(file)
    tongue = "en" if text.isascii() else "zh"
    return f'<div class="pic words"><blockquote lang="{tongue}">{escape(text)}</blockquote></div>'
