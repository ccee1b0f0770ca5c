"""Token by token: each choice of a language model, and what comes of another."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.events import Preview, Progress, Result
from aigc_core.media import Writing
from aigc_core.tasks import TraceText
from aigc_core.text import Text
from apps.text.pair import Pair, chosen_model, framed, signs
from apps.ui.controls import NEW_SEED, control
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import QUIET, events, guarded, progress, stops

POSTER = Path(__file__).parent / "posters" / "tokens.txt"
TITLE = Text("Token by token", "逐个词元")
LINE = Text(
    "See what else could have come at each step; choose it, and the text takes another path.",
    "看看每一步还可能写出什么；换选一个，下文随之改变。",
)
SAYS = Text(
    "A language model gives every possible next token a probability p. Temperature and the "
    "filters turn p into q, and the token is drawn from q. The entropy of p tells how "
    "uncertain the model was.",
    "语言模型为每个可能的下一个词元给出概率 p；温度与截断等设置把 p 变成 q，再从 q 中采样。"
    "p 的熵表示模型在这一步有多不确定。",
)
LEGEND = Text(
    "entropy at each step",
    "每一步的熵",
)
MOST = Text("{nats} nats or more", "≥ {nats} 纳特")
# Nats at which the tint of a token is full: as open as a fair choice among 55.
FULL = 4
WORDS = {
    "step": Text(
        "Token {step} of {steps}: {nats} nats of entropy",
        "第 {step} / {steps} 个词元：熵 {nats} 纳特",
    ),
    "nats": Text("{token}: {nats} nats", "{token}：{nats} 纳特"),
    "back": Text("Undo branch", "撤销分支"),
    "drawn": Text("{token} was drawn", "抽到了 {token}"),
    "branch": Text("Go on with {token} instead", "改用 {token} 继续"),
    "token": Text("candidate", "候选"),
    "p": Text("model p", "模型 p"),
    "q": Text("drawn from q", "采样 q"),
    "rest": Text("all others", "其余全部"),
}
INSIDE = (
    f'<div class="paper traced" data-line data-full="{FULL}" dir="auto" role="group"></div>'
    f'<p class="depths" aria-hidden="true">{both(LEGEND)} <b>0</b><i></i>'
    f"<b>{both(MOST.fill(nats=FULL))}</b></p><div data-step></div>"
)
RESHAPES = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "candidates")
FIELDS = ("tokens", *RESHAPES, "seed")


def draw() -> None:
    """Draws the demo into the current context."""
    pair = Pair("tokens", TraceText, INSIDE, WORDS, Path(__file__).with_suffix(".js"))
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["result"]):
            pair.draw_panes()
        with gr.Column(scale=2, elem_classes=["controls"]):
            prompt = control(TraceText, "prompt", lines=2, info=None, elem_id="tokens-prompt")
            pair.draw_chips()
            reshaping = [
                control(TraceText, name, info=None, elem_id=f"tokens-{name}")
                for name in RESHAPES[:2]
            ]
            with gr.Accordion(t(Text("More", "更多")), open=False):
                tokens = control(TraceText, "tokens", value=48)
                reshaping += [control(TraceText, name) for name in RESHAPES[2:]]
                seed = control(TraceText, "seed")
                fresh = gr.Checkbox(True, label=t(Text("New seed each time", "每次换新种子")))
            go = gr.Button(t(Text("Write", "续写")), variant="primary", elem_id="tokens-go")
            with gr.Row(elem_classes=["small"]):
                stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="tokens-stop")
            status = gr.HTML(padding=False, elem_id="tokens-status")
    gr.HTML(lede(SAYS), padding=False)

    wished = {
        "chosen": control(TraceText, "chosen", visible=False),
        "hold": gr.Checkbox(False, label="hold", visible=False),
    }
    settings = [prompt, tokens, *reshaping, seed]
    jobs = pair.wire(trace, settings, wished, status, "text_trace")
    seed.input(None, None, fresh, js="() => false", **QUIET)
    gr.on([go.click, prompt.submit], None, [seed, fresh], seed, js=NEW_SEED, **QUIET).then(
        None, js=pair.tell("aigc-write"), **QUIET
    )
    for slider in reshaping:
        slider.input(None, js=pair.tell("aigc-ask"), **QUIET)
    stops(stop, jobs, status)
    for job in jobs:
        job.failure(None, None, None, js=pair.tell("aigc-still"), **QUIET)


@guarded
async def trace(
    prompt: Any,
    tokens: Any,
    temperature: Any,
    top_p: Any,
    top_k: Any,
    min_p: Any,
    repetition_penalty: Any,
    candidates: Any,
    seed: Any,
    model: Any,
    chosen: Any,
    hold: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    """A pane's text. Where it is held, what was chosen is all of it, and is but looked at anew."""
    count = len(chosen.split()) if isinstance(chosen, str) else 0
    if count and (hold or (isinstance(tokens, int) and tokens < count)):
        tokens = count
    request = TraceText.ask(
        prompt=prompt,
        chosen=chosen,
        tokens=tokens,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        candidates=candidates,
        seed=seed,
    )
    entry = chosen_model(TraceText, model)
    async with aclosing(events(request, entry.id, web)) as stream:
        async for event in stream:
            match event:
                case Preview(Writing() as media) if not hold:
                    yield {**framed(entry, request.prompt), "writing": media.text}, ""
                case Progress():
                    yield gr.skip(), progress(event)
                case Result(artifacts):
                    yield traced(entry, request.prompt, artifacts[0]), ""


def traced(entry: Entry, prompt: str, artifact: Artifact) -> dict[str, Any]:
    """What a pane's script shows of a finished text."""
    steps = artifact.record.details["steps"]
    texts = {one[1] for step in steps for one in step["candidates"]}
    return {
        **framed(entry, prompt, artifact),
        "steps": steps,
        "signs": signs([*texts, *(step["text"] for step in steps)]),
    }


TOKENS = Demo("tokens", TITLE, LINE, POSTER, draw, needs=TraceText)
