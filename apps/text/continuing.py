"""Continue: one prompt to several language models, and what a text of the visitor's costs each."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.media import Writing
from aigc_core.tasks import ContinueText, Request, ScoreText
from aigc_core.text import Text
from apps.text import panes
from apps.text.answers import Status, candidates, pieces, resting, texts
from apps.text.costs import table
from apps.text.saving import saved
from apps.ui.controls import NEW_SEED, control, model_chips
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.pages import opened
from apps.ui.runs import KEPT, QUIET, guarded, stops

POSTER = Path(__file__).parent / "posters" / "continue.txt"
TITLE = Text("Continue", "续写")
LINE = Text(
    "Models go on with a text: three million weights trained here, and pretrained ones.",
    "让模型续写一段文字：在此训练的三百万参数小模型，与预训练模型。",
)
COST = Text("What does your text cost them?", "你的文字对它们来说有多意外？")
COST_SAYS = Text(
    "A language model gives every text a probability; -log p in nats is what the text costs it. "
    "Per character it compares models that cut texts differently. The darker a piece, the less it "
    "was expected.",
    "语言模型给每段文字一个概率；-log p（单位纳特）就是这段文字的代价。"
    "按字符平均，才能比较切分方式不同的模型。底色越深，表示越出乎意料。",
)
EXAMPLES = (
    "ROMEO:\nBut soft, what light",
    "Once upon a time",
    "KING RICHARD III:\n",
)
FILTERS = ("top_p", "top_k", "min_p", "repetition_penalty")


def draw() -> None:
    """Draws the demo into the current context."""
    entries = candidates(ContinueText, ScoreText)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["texts"], elem_id="continue"):
            shown = [gr.HTML(resting(e), padding=False, visible=panes.is_here(e)) for e in entries]
            away = gr.HTML(panes.away(entries), padding=False, elem_classes=["whole"])
        with gr.Column(scale=2, elem_classes=["controls"]):
            prompt = control(
                ContinueText, "prompt", value=EXAMPLES[0], lines=3, elem_id="prompt", info=None
            )
            gr.Examples([[text] for text in EXAMPLES], prompt, label=t(Text("Try", "试试")))
            models = model_chips(entries, elem_id="continue-models", visible=len(entries) > 1)
            tokens = control(ContinueText, "tokens", info=None)
            temperature = control(ContinueText, "temperature", info=None)
            with gr.Accordion(t(Text("More", "更多")), open=False):
                filters = [control(ContinueText, name) for name in FILTERS]
                seed = control(ContinueText, "seed")
                fresh = gr.Checkbox(True, label=t(Text("New seed each time", "每次换新种子")))
            go = gr.Button(t(Text("Continue", "续写")), variant="primary", elem_id="continue-go")
            with gr.Row(elem_classes=["small"]):
                stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="continue-stop")
                save = gr.DownloadButton(
                    t(Text("Save all", "全部保存")),
                    size="sm",
                    interactive=False,
                    elem_id="continue-save",
                )
            status = gr.HTML(padding=False, elem_id="continue-status")
    gr.HTML(f"<h2>{both(COST)}</h2>{lede(COST_SAYS)}", padding=False)
    with gr.Row(elem_classes=["choices"]):
        text = control(ScoreText, "text", lines=2, info=None, elem_id="score-text")
        ask = gr.Button(
            t(Text("Score", "打分")), size="sm", elem_id="score", elem_classes=["narrow"]
        )
    costs = gr.HTML(padding=False, elem_id="costs")

    settings = [prompt, tokens, temperature, *filters, seed, models]
    seed.input(None, None, fresh, js="() => false", **QUIET)
    opened()(present, None, [*shown, away], **QUIET)
    models.change(chosen, models, shown, **QUIET)
    job = go.click(None, [seed, fresh], seed, js=NEW_SEED).then(
        go_on, settings, [*shown, status, save], api_name="text_continue", **KEPT
    )
    scored = gr.on(
        [ask.click, text.submit], score, [text, models], costs, api_name="text_score", **KEPT
    )
    stops(stop, [job, scored], status)


@guarded
async def go_on(
    prompt: Any,
    tokens: Any,
    temperature: Any,
    top_p: Any,
    top_k: Any,
    min_p: Any,
    repetition_penalty: Any,
    seed: Any,
    models: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    request = ContinueText.ask(
        prompt=prompt,
        tokens=tokens,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        seed=seed,
    )
    entries = candidates(ContinueText, ScoreText)
    asked = [entry for entry in entries if entry.id in (models or ()) and panes.is_here(entry)]
    asked = asked or [entry for entry in entries if panes.is_here(entry)]
    start = {entry.id: panes.working(entry, request.prompt) for entry in asked}

    def update(changed: dict[str, str], status: str, file: str | None) -> tuple[Any, ...]:
        held = gr.update(value=file, interactive=file is not None)
        return *(changed.get(entry.id, gr.skip()) for entry in entries), status, held

    yield update(start, "", None)
    wishes = [(entry.id, partial(same, request)) for entry in asked]
    made: list[Artifact] = []
    async with aclosing(texts(wishes, web, request.prompt, made)) as steps:
        async for changed, status in steps:
            yield update(changed, status, None)
    with saved(made, f"continue-{request.seed}") as file:
        yield update({}, "", file)


def same(request: Request) -> Request:
    return request


@guarded
async def score(text: Any, models: Any, web: gr.Request) -> AsyncIterator[str]:
    request = ScoreText.ask(text=text)
    entries = [e for e in candidates(ContinueText, ScoreText) if panes.is_here(e)]
    asked = [entry for entry in entries if entry.id in (models or ())] or entries
    wishes = [(entry.id, partial(same, request)) for entry in asked]
    found: list[tuple[Entry, Artifact | Text]] = []
    async with aclosing(pieces(wishes, web)) as stream:
        async for entry, news in stream:
            if isinstance(news, Status):
                yield f"{table(found)}{news.line}"
            elif not isinstance(news, Writing):
                found.append((entry, news if isinstance(news, Text) else news[0]))
                yield table(found)


@guarded
async def present(web: gr.Request) -> AsyncGenerator[tuple[Any, ...], None]:  # noqa: ARG001
    """Which models are here may have changed since the page was made."""
    entries = candidates(ContinueText, ScoreText)
    yield (
        *(gr.update(visible=panes.is_here(entry)) for entry in entries),
        panes.away(entries),
    )


async def chosen(models: list[str]) -> list[Any]:
    """Only the panes of the chosen models are there; all, where none is chosen."""
    return [
        gr.update(visible=panes.is_here(entry) and (not models or entry.id in models))
        for entry in candidates(ContinueText, ScoreText)
    ]


CONTINUE = Demo("continue", TITLE, LINE, POSTER, draw, needs=ContinueText)
