"""Translate: one text to our translator and a pretrained one, and which words ours looked at."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.tasks import TranslateText
from aigc_core.text import Text
from apps.text import alignment
from apps.text.lineup import Lineup, Stage
from apps.ui.controls import control
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import KEPT, QUIET, guarded

POSTER = Path(__file__).parent / "posters" / "translate.txt"
TITLE = Text("Translate", "翻译")
LINE = Text(
    "A small translator, trained from scratch on 28,000 sentence pairs, and where its words "
    "come from.",
    "用 28,000 对句子从零训练的小翻译模型，以及每个译词对应原文何处。",
)
HONEST = Text(
    "Our model knows everyday sentences of about a dozen words and little else. BLEU and "
    "chrF, from 0 to 100, tell how many runs of words and of characters its translations of "
    "unseen sentences share with a human translation; a good translation in other words "
    "scores low too.",
    "我们的模型只熟悉十来个词的日常短句。"
    "BLEU 与 chrF 分别按词片段和字符片段衡量译文与人工译文的重合程度，句子都是它没见过的，"
    "满分 100；好译文若用词不同，得分也会低。",
)
OTHERS = Text("What else it considered", "它考虑过的其他译文")
OF_LAST = Text("What else it considered for the last sentence", "最后一句，它考虑过的其他译文")
EXAMPLES = (
    ("I don't know what to do tomorrow.", "zh"),
    ("He has been reading this book since morning.", "zh"),
    ("Where can I buy a ticket?", "zh"),
    ("今天天气很好。", "en"),
    ("我们明天去看电影吧。", "en"),
    ("他说他不会来。", "en"),
)
# In the browser: the other language, unless the visitor has chosen one.
GUESS = r"(text, to, own) => own || !text.trim() ? to : /[\u3400-\u9fff]/.test(text) ? 'en' : 'zh'"


def runners_up(artifacts: Sequence[Artifact]) -> str:
    """What the search followed beside the best, folded."""
    details = artifacts[0].record.details
    others, title = details.get("others") or (), OF_LAST if details.get("parts", 1) > 1 else OTHERS
    said = [other if isinstance(other, str) else str(other[0]) for other in others]
    lines = "".join(f'<li dir="auto">{escape(text)}</li>' for text in said)
    if not lines:
        return ""
    return f'<details class="folded"><summary>{both(title)}</summary><ol>{lines}</ol></details>'


def draw() -> None:
    """Draws the demo into the current context."""
    stage = Stage(LINEUP)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5):
            stage.draw_panes()
            looked = alignment.draw()
        with gr.Column(scale=2, elem_classes=["controls"]):
            text = control(TranslateText, "text", lines=3, info=None, elem_id="translate-text")
            to = control(TranslateText, "to", info=None, elem_id="translate-to")
            stage.draw_buttons(TITLE)
            gr.Examples(
                [list(pair) for pair in EXAMPLES],
                [text, to],
                example_labels=[words for words, _ in EXAMPLES],
                label=t(Text("Try", "试试")),
            )
            stage.draw_chips()
            with gr.Accordion(t(Text("More", "更多")), open=False):
                beams = control(TranslateText, "beams")
    gr.HTML(lede(HONEST), padding=False)

    own = gr.Checkbox(False, visible=False)
    to.select(None, None, own, js="() => true", **QUIET)
    text.change(None, [text, to, own], to, js=GUESS, **QUIET)

    job = stage.go.click(
        translate,
        [text, to, beams, stage.models],
        [*stage.outputs, looked.state],
        api_name="text_translate",
        **KEPT,
    )
    looked.follow(job)
    stage.wire(job)


@guarded
async def translate(
    text: Any, to: Any, beams: Any, models: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    wish = TranslateText.ask(text=text, to=to, beams=beams)
    made: list[Artifact] = []
    async with aclosing(LINEUP.answers(wish, models, web, made=made)) as steps:
        async for values in steps:
            yield *values, alignment.alignment(made)


LINEUP = Lineup(TranslateText, "translate", POSTER, more=runners_up)
TRANSLATE = Demo("translate", TITLE, LINE, POSTER, draw, needs=TranslateText)
