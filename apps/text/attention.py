"""Attention: where the heads of a Transformer look, and what comes next without some of them."""

import base64
import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from aigc_core.artifact import Artifact
from aigc_core.bridge import to_the_end
from aigc_core.catalog import Entry
from aigc_core.events import Progress, Result
from aigc_core.media import Numbers
from aigc_core.tasks import AttendText, RankHeads, Request
from aigc_core.text import Text
from apps.text.habits import habit
from apps.text.pair import Pair, chosen_model, framed, signs
from apps.ui.controls import control
from apps.ui.demo import Demo
from apps.ui.language import t
from apps.ui.markup import heading, lede, said
from apps.ui.runs import QUIET, events, guarded, progress, stops

POSTER = Path(__file__).parent / "posters" / "attention.png"
TITLE = Text("Attention", "注意力")
LINE = Text(
    "Where each head of a Transformer looks while it reads your sentence, and what it does.",
    "Transformer 读你这句话时，每个注意力头看向哪里、起什么作用。",
)
SAYS = Text(
    "Each small square is a head, each row a token: the darker a cell, the more weight the "
    "token gives to that place, itself or before it (the shade follows the square root; the "
    "figures are the weights). What a head is said to do was measured on this text. A head "
    "that is switched off contributes nothing; how much the prediction of the next token "
    "then changes is the KL divergence, in nats.",
    "每个小方块是一个注意力头，每行对应一个词元；格子颜色越深，"
    "该词元分给那个位置（自己或前文）的权重越大。深浅取权重的平方根，数字是权重本身。"
    "各头的作用只依据这段文字测得。关闭的头不再起作用；对下一个词元的预测因此改变多少，"
    "用 KL 散度（纳特）衡量。",
)
WORDS = {
    "head": Text("Head {head}", "头 {head}"),
    "reads": Text("Head {head}: “{token}” looks at {places}", "头 {head}：“{token}”看向 {places}"),
    "habitless": Text("nothing simple can be seen here", "在此看不出简单的规律"),
    "colon": Text(": ", "："),
    "off": Text("Switch off", "关闭"),
    "on": Text("Switch on", "打开"),
    "next": Text("What comes next", "接下来是什么"),
    "token": Text("token", "词元"),
    "p": Text("all heads", "全部头"),
    "q": Text("without", "关闭后"),
    "whole": Text(
        "Switch a head off and see what changes here.", "关闭一个头，看看这里有什么变化。"
    ),
    "without": Text(
        "Without {heads}, the prediction changes by {nats} nats.",
        "关闭 {heads} 后，预测改变 {nats} 纳特。",
    ),
    "all": Text("All on", "全部打开"),
    "nats": Text("{nats} nats", "{nats} 纳特"),
    "most": Text("Heads that matter most (nats): {heads}.", "影响最大的头（纳特）：{heads}。"),
    "three": Text("Switch these three off", "关闭这三个"),
}
HEADS = Text("All heads, a layer in each row", "全部注意力头，每行一层")
MAP = Text("Map of the chosen head", "所选头的注意力图")
INSIDE = (
    '<div class="paper traced" data-line dir="auto" role="group"></div>'
    '<p class="reads" data-reads aria-live="polite"></p><div class="looks">'
    f'<div class="heads" data-heads role="group" aria-label="{said(HEADS)}"></div>'
    '<div class="one"><p class="named" data-name></p>'
    f'<canvas data-map role="img" aria-label="{said(MAP)}"></canvas></div>'
    '<div class="following" data-odds></div></div>'
)
# As which a weight of 1 is sent, and what stands for none.
WHOLE, NOTHING = 10_000, 65_535


def draw() -> None:
    """Draws the demo into the current context."""
    pair = Pair("attention", AttendText, INSIDE, WORDS, Path(__file__).with_suffix(".js"))
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["result"]):
            pair.draw_panes()
        with gr.Column(scale=2, elem_classes=["controls"]):
            text = control(AttendText, "text", lines=2, info=None, elem_id="attention-text")
            pair.draw_chips()
            go = gr.Button(t(Text("Look", "查看")), variant="primary", elem_id="attention-go")
            with gr.Row(elem_classes=["small"]):
                rank = gr.Button(
                    t(Text("Which heads matter?", "哪些头重要？")),
                    size="sm",
                    elem_id="attention-rank",
                )
                stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="attention-stop")
            status = gr.HTML(padding=False, elem_id="attention-status")
    gr.HTML(lede(SAYS), padding=False)

    wished = {
        "off": control(AttendText, "off", visible=False),
        "rank": gr.Checkbox(False, label="rank", visible=False),
    }
    jobs = pair.wire(attend, [text], wished, status, "text_attend")
    gr.on([go.click, text.submit], None, js=pair.tell("aigc-write"), **QUIET)
    rank.click(None, js=pair.tell("aigc-rank"), **QUIET)
    stops(stop, jobs, status)


@guarded
async def attend(
    text: Any, model: Any, off: Any, rank: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    """A pane's maps; where it wants to know which heads matter, also how much each does."""
    request = AttendText.ask(text=text, off=off)
    requests: list[Request] = [request, *([RankHeads.ask(text=text)] if rank else [])]
    entry = chosen_model(AttendText, model)
    made: list[Artifact] = []
    for one in requests:
        async with aclosing(events(one, entry.id, web)) as stream:
            async for event in stream:
                if isinstance(event, Progress):
                    yield gr.skip(), progress(event)
                elif isinstance(event, Result):
                    made += event.artifacts
    yield await to_the_end(looked, entry, request, *made), ""


def looked(
    entry: Entry, request: AttendText, maps: Artifact, ranks: Artifact | None = None
) -> dict[str, Any]:
    """What a pane's script shows."""
    assert isinstance(maps.media, Numbers)
    weights, details = maps.media.array, maps.record.details
    layers, heads = weights.shape[:2]
    tokens = details["tokens"]
    value = {
        **framed(entry, request.text, maps),
        "layers": layers,
        "heads": heads,
        "tokens": tokens,
        "signs": signs([*tokens, *(one[0] for one in details["next"])]),
        "maps": packed(weights),
        "next": details["next"],
        "moved": details["moved"],
        "off": sorted({f"{layer}.{head}" for layer, head in request.heads_off}),
        "habits": {
            f"{layer}.{head}": (list(found.name), round(found.weight, 2))
            for layer in range(layers)
            for head in range(heads)
            if (found := habit(weights[layer, head], tokens))
        },
    }
    if ranks is not None:
        assert isinstance(ranks.media, Numbers)
        value["ranks"] = ranks.media.array.ravel().round(6).tolist()
    return value


def packed(weights: np.ndarray) -> str:
    """Weights (layers, heads, t, t) in Base64: those that each token gives to the ones up to it,
    in ten-thousandths as 16 bits each, deflated."""
    rows, columns = np.tril_indices(weights.shape[-1])
    seen = weights[:, :, rows, columns]
    whole = np.where(np.isnan(seen), NOTHING, np.round(np.nan_to_num(seen) * WHOLE))
    return base64.b64encode(zlib.compress(whole.astype("<u2").tobytes())).decode()


ATTENTION = Demo("attention", TITLE, LINE, POSTER, draw, needs=AttendText)
