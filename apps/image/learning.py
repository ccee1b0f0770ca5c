"""How a model learns: its pictures, losses and figures at each moment of a finished training."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.bridge import to_the_end
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import UnknownModel
from aigc_core.metrics.training_history import TrainingHistory, histories
from aigc_core.tasks import brief
from aigc_core.text import Text
from apps.image import learning_view, learning_words
from apps.ui.controls import MODEL, raw
from apps.ui.demo import Demo
from apps.ui.language import t
from apps.ui.markup import heading
from apps.ui.pages import opened
from apps.ui.runs import QUIET, guarded

HOME = CHECKPOINTS
SCRIPT = Path(__file__).with_name("learning.js")
POSTER = Path(__file__).parent / "posters" / "learning.png"
TITLE = Text("How a GAN learns", "GAN 如何学习")
LINE = Text(
    "Drag through a training, from noise to digits, and see which losses tell of it.",
    "拖动时间轴，看训练如何从噪声走到数字，以及哪些损失能反映这一过程。",
)
# Trainings of which no model is in the catalog.
NAMES = {"gan-mnist-collapse": Text("A GAN made to collapse", "特意使其崩溃的 GAN")}


def draw() -> None:
    """Draws the demo into the current context; there is one history at least."""
    known = in_order()
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage", "learning"]):
        with gr.Column(scale=1, elem_classes=["result"]):
            player = gr.HTML(
                padding=False, elem_id="learning", js_on_load=SCRIPT.read_text("utf-8")
            )
        with gr.Column(scale=1, elem_classes=["controls"]):
            choices = [(t(name(history)), history.recipe) for history in known]
            model = raw(
                gr.Dropdown(choices, value=choices[0][1], label=t(MODEL), elem_id="learning-model")
            )
            curves = gr.HTML(padding=False, elem_id="learning-curves", js_on_load=None)
    opened()(view, model, [player, curves], **QUIET)
    model.change(view, model, [player, curves], **QUIET)


@guarded
async def view(model: Any, web: gr.Request) -> AsyncIterator[tuple[str, str]]:  # noqa: ARG001
    yield await to_the_end(drawn, model)


def drawn(model: Any) -> tuple[str, str]:
    """The player and the curves of one training.

    Raises:
        UnknownModel: it has no history.
    """
    history = next((known for known in in_order() if known.recipe == model), None)
    if history is None:
        raise UnknownModel(brief(model))
    return (
        learning_view.player(history, HOME / history.recipe),
        learning_view.curves(history, learning_words.look_for(history)),
    )


def in_order() -> list[TrainingHistory]:
    """All histories that can be read: as in the catalog, then the others, collapsed ones last."""
    order = {model: place for place, model in enumerate(default_engine().catalog.entries)}
    last = len(order)
    return sorted(
        histories(HOME), key=lambda known: (known.collapsed, order.get(known.recipe, last))
    )


def name(history: TrainingHistory) -> Text:
    """What people call the model."""
    entry = default_engine().catalog.entries.get(history.recipe)
    known = NAMES.get(history.recipe, Text(history.recipe, history.recipe))
    return entry.name if entry else known


def is_here() -> bool:
    """Whether there is a history to show."""
    return next(histories(HOME), None) is not None


LEARNING = Demo("learning", TITLE, LINE, POSTER, draw)
SHOWN = (LEARNING,) if is_here() else ()
