"""Continue: one prompt to several language models, and what a text of the visitor's costs each."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.media import Writing
from aigc_core.tasks import ComposePoem, ContinueText, ScoreText
from aigc_core.text import Text
from apps.text.answers import Status, pieces
from apps.text.costs import table
from apps.text.lineup import Lineup, Stage
from apps.text.sampling import FIELDS, draw_sampling, renewed
from apps.ui.controls import control
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import KEPT, guarded, stops

POSTER = Path(__file__).parent / "posters" / "continue.txt"
TITLE = Text("Continue", "续写")
LINE = Text(
    "Language models continue a text: small ones trained from scratch, and pretrained ones.",
    "让语言模型续写一段文字：有从零训练的小模型，也有预训练模型。",
)
COST = Text(
    "How surprising is your text to them?",
    "你的文字对它们来说有多意外？",
)
COST_SAYS = Text(
    "A language model gives every text a probability p; its surprise is −log p, in nats. Per "
    "character, models that split text differently can be compared. The darker a token, the "
    "less it was expected.",
    "语言模型给每段文字一个概率 p；−log p 就是它的意外程度，单位是纳特。按字符平均，"
    "才能比较切分方式不同的模型。底色越深，越出乎模型意料。",
)
EXAMPLES = ("ROMEO:\nBut soft, what light", "Once upon a time", "KING RICHARD III:\n")


def draw() -> None:
    """Draws the demo into the current context."""
    stage = Stage(LINEUP)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5):
            stage.draw_panes()
        with gr.Column(scale=2, elem_classes=["controls"]):
            prompt = control(
                ContinueText, "prompt", value=EXAMPLES[0], lines=4, elem_id="prompt", info=None
            )
            stage.draw_buttons(TITLE)
            gr.Examples(
                [[text] for text in EXAMPLES],
                [prompt],
                example_labels=[text.replace("\n", " ") for text in EXAMPLES],
                label=t(Text("Try", "试试")),
            )
            stage.draw_chips()
            sampling = draw_sampling(ContinueText)
    gr.HTML(f"<h2>{both(COST)}</h2>{lede(COST_SAYS)}", padding=False)
    with gr.Row(elem_classes=["choices"]):
        text = control(ScoreText, "text", lines=2, info=None, elem_id="score-text", scale=5)
        ask = gr.Button(t(Text("Score", "打分")), elem_id="score", scale=1, min_width=120)
    costs = gr.HTML(padding=False, elem_id="costs")

    job = renewed(stage.go, sampling).then(
        go_on,
        [prompt, stage.models, *sampling.fields],
        stage.outputs,
        api_name="text_continue",
        **KEPT,
    )
    scored = ask.click(score, [text, stage.models], costs, api_name="text_score", **KEPT)
    stage.wire(job)
    stops(stage.stop, [scored])


@guarded
async def go_on(
    prompt: Any,
    models: Any,
    tokens: Any,
    temperature: Any,
    top_p: Any,
    top_k: Any,
    min_p: Any,
    repetition_penalty: Any,
    seed: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    settings = (tokens, temperature, top_p, top_k, min_p, repetition_penalty, seed)
    values = dict(zip(FIELDS, settings, strict=True))
    wish = ContinueText.ask(prompt=prompt, **values)
    async with aclosing(LINEUP.answers(wish, models, web, lambda _: wish.prompt)) as steps:
        async for output in steps:
            yield output


@guarded
async def score(text: Any, models: Any, web: gr.Request) -> AsyncIterator[str]:
    request = ScoreText.ask(text=text)
    asked = [entry for entry in LINEUP.asked(models) if entry.answers(ScoreText)]
    wishes = [(entry.id, partial(ScoreText.ask, **request.model_dump())) for entry in asked]
    found: list[tuple[Entry, Artifact | Text]] = []
    async with aclosing(pieces(wishes, web)) as stream:
        async for entry, news in stream:
            if isinstance(news, Status):
                yield f"{table(found)}{news.line}"
            elif not isinstance(news, Writing):
                found.append((entry, news if isinstance(news, Text) else news[0]))
                yield table(found)


def prose(entry: Entry) -> bool:
    """Whether a model is one of prose; one of Chinese verse answers where it is named."""
    return not entry.answers(ComposePoem)


LINEUP = Lineup(ContinueText, "continue", POSTER, unasked=prose)
CONTINUE = Demo("continue", TITLE, LINE, POSTER, draw, needs=ContinueText)
