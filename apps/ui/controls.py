"""Controls made from the fields of a request.

Values reach our request types raw: Gradio's own checks answer in English only, and some with a
traceback, so each control hands on what it got and the request is the only judge.
"""

from typing import Any, TypeVar

import gradio as gr

from aigc_core.catalog import Entry
from aigc_core.tasks import Request
from aigc_core.text import Text
from apps.ui.language import t

MODEL = Text("Model", "模型")
MODELS = Text("Models", "模型")

# Runs in the browser: a new seed, unless the visitor wants to keep theirs.
NEW_SEED = "(seed, fresh) => fresh ? Math.floor(Math.random() * 2147483648) : seed"

Control = TypeVar("Control", bound=gr.components.Component)


def raw(component: Control) -> Control:
    """A component that passes on the visitor's value as it came."""
    component.preprocess = lambda payload: payload
    return component


def control(request: type[Request], name: str, **settings: Any) -> gr.components.Component:
    """The control of one field: a box to write in for a text, a box to tick for yes or no, chips
    for few values, a slider within bounds, else a number."""
    shown, (low, high) = request.shown(name), request.bounds(name)
    settings = {
        "label": t(shown.label),
        "info": t(shown.help),
        "value": request.model_fields[name].default,
        **settings,
    }
    if shown.choices:
        choices = [(t(choice.name), choice.value) for choice in shown.choices]
        return raw(gr.Radio(choices, elem_classes=["chips"], **settings))
    if shown.longest:
        return raw(gr.Textbox(max_length=shown.longest, max_lines=12, **settings))
    if request.model_fields[name].annotation is bool:
        return raw(gr.Checkbox(**settings))
    if low is not None and high is not None and high - low <= 1000:
        return raw(gr.Slider(low, high, step=shown.step, buttons=[], **settings))
    # Digits beyond a slider's reach, such as a seed.
    return raw(gr.Number(precision=None, minimum=low, maximum=high, step=shown.step, **settings))


def model_chips(models: list[Entry], **settings: Any) -> gr.CheckboxGroup:
    """Which models are to answer, all at first."""
    choices = [(t(entry.short), entry.id) for entry in models]
    value = [entry.id for entry in models]
    return raw(
        gr.CheckboxGroup(
            choices, value=value, label=t(MODELS), elem_classes=["chips", "several"], **settings
        )
    )


def model_choice(models: list[Entry], **settings: Any) -> gr.Dropdown:
    """Which model is to answer, the default first."""
    choices = [(t(entry.name), entry.id) for entry in models]
    return raw(gr.Dropdown(choices, value=models[0].id, label=t(MODEL), **settings))
