"""What a text costs models: figures side by side, and the text tinted by its tokens' cost."""

from html import escape
from math import exp, isnan, log

import numpy as np

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.media import Numbers
from aigc_core.text import Text
from apps.ui.language import both
from apps.ui.markup import said

HEADS = (
    Text("Model", "模型"),
    Text("nats per character", "纳特/字符"),
    Text("bits per character", "比特/字符"),
    Text("perplexity per token", "困惑度（每词元）"),
    Text("tokens", "词元数"),
)
TOKEN = Text(
    "{token}: {cost} nats, rank {rank}; entropy of the prediction {entropy} nats",
    "{token}：{cost} 纳特，概率排第 {rank} 位；预测时的熵 {entropy} 纳特",
)
FIRST = Text("{token}: the first, not scored", "{token}：第一个，不计分")
# Nats at which the tint is full: one in about 3,000.
DARKEST = 8.0
Scored = list[tuple[Entry, Artifact | Text]]


def table(found: Scored) -> str:
    """The figures of each model, and below them the text as each sees it."""
    if not found:
        return ""
    head = "".join(f"<th>{both(name)}</th>" for name in HEADS)
    rows = "".join(row(entry, answer) for entry, answer in found)
    views = "".join(
        f"<figure><figcaption>{both(entry.short)}</figcaption>{tinted(answer)}</figure>"
        for entry, answer in found
        if isinstance(answer, Artifact)
    )
    return (
        f'<div class="measured costs"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
        f'</table></div><div class="texts">{views}</div>'
    )


def row(entry: Entry, answer: Artifact | Text) -> str:
    if not isinstance(answer, Artifact):
        return f'<tr><th>{both(entry.short)}</th><td colspan="4">{both(answer)}</td></tr>'
    details = answer.record.details
    nats, characters = details["nats"], max(1, details["characters"])
    tokens = max(1, sum(not isnan(cost) for cost in costs(answer)))
    each = nats / characters
    cells = (f"{each:.2f}", f"{each / log(2):.2f}", f"{exp(nats / tokens):,.1f}", f"{tokens:,}")
    figures = "".join(f"<td><b>{cell}</b></td>" for cell in cells)
    return f"<tr><th>{both(entry.short)}</th>{figures}</tr>"


def costs(answer: Artifact) -> list[float]:
    assert isinstance(answer.media, Numbers)
    return [float(cost) for cost in answer.media.array[0]]


def tinted(answer: Artifact) -> str:
    """The text, each token the darker the more it costs; its figures on hover."""
    assert isinstance(answer.media, Numbers)
    pieces = []
    for token, column in zip(answer.record.details["tokens"], answer.media.array.T, strict=True):
        cost, entropy, rank = (float(value) for value in column)
        name = repr(token)[1:-1] if not token.isprintable() or token.isspace() else token
        if np.isnan(cost):
            pieces.append(f'<span title="{said(FIRST.fill(token=name))}">{escape(token)}</span>')
            continue
        says = TOKEN.fill(
            token=name, cost=f"{cost:.2f}", rank=f"{rank:.0f}", entropy=f"{entropy:.2f}"
        )
        depth = min(1.0, cost / DARKEST)
        pieces.append(
            f'<span style="--depth:{depth:.2f}" title="{said(says)}">{escape(token)}</span>'
        )
    return f'<div class="paper tinted" dir="auto">{"".join(pieces)}</div>'
