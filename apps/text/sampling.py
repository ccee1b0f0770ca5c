"""How tokens are drawn: the folded controls that demos of instructed models share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_core.tasks import Request
from aigc_core.tasks.text import Sampling
from aigc_core.text import Text
from apps.ui.controls import NEW_SEED, control
from apps.ui.language import t
from apps.ui.runs import QUIET

FIELDS = ("tokens", *Sampling.model_fields)


@dataclass(frozen=True)
class Drawn:
    """Controls, the last that of the seed, and whether it is new each time."""

    fields: list[gr.components.Component]
    fresh: gr.Checkbox


def draw_sampling(request: type[Request]) -> Drawn:
    """Draws them, folded, into the current context."""
    with gr.Accordion(t(Text("More", "更多")), open=False):
        return draw_fields(request, FIELDS)


def draw_fields(request: type[Request], names: Sequence[str]) -> Drawn:
    """Draws the controls of these fields, the seed last; one that is typed stays."""
    fields = [control(request, name) for name in names]
    fresh = gr.Checkbox(True, label=t(Text("New seed each time", "每次换新种子")))
    fields[-1].input(None, None, fresh, js="() => false", **QUIET)
    return Drawn(fields, fresh)


def renewed(button: gr.Button, drawn: Drawn) -> Any:
    """The event of a button, after which the seed is a new one where that is wanted."""
    seed = drawn.fields[-1]
    return button.click(None, [seed, drawn.fresh], seed, js=NEW_SEED)
