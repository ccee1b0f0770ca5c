"""Where a translator looked while it wrote: its cross-attention, of each head or on the average."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from aigc_core import default_engine
from aigc_core.artifact import Artifact
from aigc_core.media import Numbers
from aigc_core.text import Text
from apps.text.heatmap import heatmap
from apps.ui.language import both, t
from apps.ui.markup import lede, same
from apps.ui.runs import QUIET, guarded

TITLE = Text("Where it looked", "它看了哪里")
SAYS = Text(
    "Each row is a subword that {model} wrote, each column a subword of your sentence, "
    "between the target-language tag and the end mark. The darker a cell, the more attention "
    "went there. Nobody taught it which words correspond.",
    "每一行是 {model} 写出的一个子词，每一列是原文的一个子词；首列是目标语言标记，"
    "末列是句末标记。颜色越深，写这一行时对那一列的注意力越大。哪些词相互对应，没有人教过它。",
)
LAST = Text("The last sentence is shown.", "此处显示最后一句。")
LAYER, HEAD, MEAN = Text("Layer", "层"), Text("Head", "头"), Text("mean", "平均")
PLACE = Text("{name} {place}", "{name} {place}")
ALL = "mean"


@dataclass(frozen=True)
class Aligned:
    """Weights (layer, head, token, looks at), the texts of both sides, and who wrote.

    `several` says whether it is the last of several sentences.
    """

    weights: np.ndarray
    rows: list[str]
    columns: list[str]
    model: str
    several: bool = False


@dataclass(frozen=True)
class Looked:
    """The components that show it."""

    state: gr.State
    words: gr.HTML
    layer: gr.Radio
    head: gr.Radio
    view: gr.HTML

    def follow(self, job: Any) -> None:
        """Shows what a job has put into the state."""
        shown = [self.words, self.layer, self.head, self.view]
        for ended in (job.success, job.failure):
            ended(show, self.state, shown, **QUIET)


def draw() -> Looked:
    """Draws what is empty until something was translated into the current context."""
    state = gr.State()
    words = gr.HTML(padding=False)
    with gr.Row(elem_classes=["choices"]):
        layer, head = (
            gr.Radio(
                [(t(MEAN), ALL)],
                value=ALL,
                label=t(label),
                visible=False,
                elem_classes=["chips", "narrow"],
                elem_id=f"alignment-{label.en.lower()}",
            )
            for label in (LAYER, HEAD)
        )
    view = gr.HTML(padding=False, elem_id="alignment")
    chosen = [state, layer, head]
    for chips in (layer, head):
        chips.preprocess = lambda payload: payload
        chips.input(choose, chosen, view, **QUIET)
    return Looked(state, words, layer, head, view)


@guarded
async def show(found: Aligned | None, web: gr.Request) -> AsyncIterator[tuple[Any, ...]]:  # noqa: ARG001
    """The words above, the two rows of chips, and the weights; nothing where there are none."""
    if found is None:
        hidden = gr.update(visible=False)
        yield "", hidden, hidden, ""
        return
    layers, heads, *_ = found.weights.shape
    name = default_engine().catalog.find(found.model).short
    note = lede(LAST) if found.several else ""
    # The last layer looks ahead; the one before it aligns best (Garg et al. 2019, 1909.02074).
    first = str(max(0, layers - 2))
    yield (
        f"<h2>{both(TITLE)}</h2>{lede(SAYS.fill(model=name))}{note}",
        gr.update(choices=choices(layers), value=first, visible=layers > 1),
        gr.update(choices=choices(heads), value=ALL, visible=heads > 1),
        picture(found, first, ALL),
    )


def choices(count: int) -> list[tuple[Any, str]]:
    """The average, and each by its number from 1."""
    return [(t(MEAN), ALL), *((str(place + 1), str(place)) for place in range(count))]


def alignment(artifacts: Sequence[Artifact]) -> Aligned | None:
    """The first cross-attention whose sides are known."""
    for artifact in artifacts:
        details = artifact.record.details
        if isinstance(artifact.media, Numbers) and details.get("role") == "alignment":
            beside = [
                a.record.details for a in artifacts if a.record.model == artifact.record.model
            ]
            told = [details, *beside]
            rows: list[str] = next(
                (d["tokens"] for d in told if isinstance(d.get("tokens"), list)), []
            )
            columns: list[str] = next(
                (d["source"] for d in told if isinstance(d.get("source"), list)), []
            )
            weights = artifact.media.array
            if weights.ndim == 4 and weights.shape[2:] == (len(rows), len(columns)):
                several = any(told.get("parts", 1) > 1 for told in beside)
                return Aligned(weights, [*rows], [*columns], artifact.record.model, several)
    return None


@guarded
async def choose(
    found: Aligned | None,
    layer: Any,
    head: Any,
    web: gr.Request,  # noqa: ARG001
) -> AsyncIterator[str]:
    """The weights of the chosen head, or an average."""
    yield picture(found, layer, head) if found else ""


def picture(found: Aligned, layer: Any, head: Any) -> str:
    weights = found.weights
    layers = one(layer, weights.shape[0])
    heads = one(head, weights.shape[1])
    named = [
        PLACE.fill(name=name, place=said)
        for name, part in ((LAYER, layers), (HEAD, heads))
        for said in [same(str(part.start + 1)) if part.stop - part.start == 1 else MEAN]
    ]
    title = Text(", ".join(part.en for part in named), "，".join(part.zh for part in named))
    mean = weights[layers, heads].mean((0, 1))
    return heatmap(mean, [tidy(word) for word in found.rows], [*map(tidy, found.columns)], title)


def one(choice: Any, count: int) -> slice:
    """The one of a number, or all."""
    if isinstance(choice, str) and choice.isdecimal() and int(choice) < count:
        return slice(int(choice), int(choice) + 1)
    return slice(0, count)


def tidy(word: str) -> str:
    """A piece without the space before it, which says little here."""
    return word.strip() or word
