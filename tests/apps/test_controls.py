from typing import Any

import gradio as gr
import pytest

from aigc_core import default_engine
from aigc_core.tasks import TASKS, Request, SampleImages
from aigc_core.tasks.study import MeasureQuality
from apps.ui.controls import MODEL, control, model_chips, model_choice
from apps.ui.language import TRANSLATIONS

FIELDS = [
    (request, name)
    for request in TASKS.values()
    for name in request.model_fields
    if not request.shown(name).picture
]
STRANGE: list[Any] = [None, "abc", float("nan"), -1, 10**9, [1], {"a": 1}, True, "<b>"]


def said(label: Any) -> dict[str, str]:
    """A label in each language."""
    return {spoken: words[label.key] for spoken, words in TRANSLATIONS.translations.items()}


@pytest.mark.parametrize(("request_type", "name"), FIELDS)
def test_a_control_is_what_its_field_says(request_type: type[Request], name: str) -> None:
    made = control(request_type, name)
    shown = request_type.shown(name)
    assert said(made.label) == shown.label._asdict()
    assert said(made.info) == shown.help._asdict()
    assert made.value == request_type.model_fields[name].default
    if shown.choices:
        assert isinstance(made, gr.Radio)
        assert [value for _, value in made.choices] == [choice.value for choice in shown.choices]
        assert [said(label) for label, _ in made.choices] == [
            choice.name._asdict() for choice in shown.choices
        ]
    elif shown.longest:
        assert isinstance(made, gr.Textbox)
        assert made.max_length == shown.longest
        for value in STRANGE:
            assert made.preprocess(value) is value
    elif request_type.model_fields[name].annotation is bool:
        assert isinstance(made, gr.Checkbox)
    else:
        assert isinstance(made, gr.Slider | gr.Number)
        assert (made.minimum, made.maximum) == request_type.bounds(name)
        assert made.step == (shown.step or 1)


def test_a_control_may_be_told_otherwise() -> None:
    made = control(SampleImages, "count", value=7, info=None, elem_id="own")
    assert (made.value, made.info, made.elem_id) == (7, None, "own")


def test_long_ranges_are_typed_and_short_ones_slid() -> None:
    assert isinstance(control(SampleImages, "seed"), gr.Number)
    assert isinstance(control(SampleImages, "count"), gr.Slider)


def test_yes_or_no_is_a_box_to_tick() -> None:
    made = control(MeasureQuality, "nearest")
    assert isinstance(made, gr.Checkbox)
    assert made.value is False
    for value in STRANGE:
        assert made.preprocess(value) is value


def test_chips_of_models_are_all_on() -> None:
    models = default_engine().models(SampleImages)
    made = model_chips(models)
    assert made.value == [entry.id for entry in models]
    assert [said(label) for label, _ in made.choices] == [e.short._asdict() for e in models]
    for value in STRANGE:
        assert made.preprocess(value) is value


@pytest.mark.parametrize(("request_type", "name"), FIELDS)
def test_a_control_hands_on_what_it_gets(request_type: type[Request], name: str) -> None:
    made = control(request_type, name)
    for value in STRANGE:
        assert made.preprocess(value) is value


def test_the_models_are_those_that_answer_the_default_first() -> None:
    models = default_engine().models(SampleImages)
    made = model_choice(models)
    assert made.value == models[0].id
    assert [value for _, value in made.choices] == [entry.id for entry in models]
    assert [said(label) for label, _ in made.choices] == [entry.name._asdict() for entry in models]
    assert said(made.label) == MODEL._asdict()
    for value in STRANGE:
        assert made.preprocess(value) is value
