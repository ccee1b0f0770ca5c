import json
import math
import re
import unicodedata
from itertools import pairwise
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from aigc_core import tasks
from aigc_core.errors import InvalidRequest
from aigc_core.tasks import TASKS, ContinueText, Request, TextToImage, brief
from aigc_core.text import Text
from tests.fresh import fresh

BIDI = "\u202e\u202d\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
FIELDS = [(request, name) for request in TASKS.values() for name in request.model_fields]
NUMBERS = [(r, name) for r, name in FIELDS if r.model_fields[name].annotation in (int, float)]
CHOICES = [(r, name) for r, name in FIELDS if r.shown(name).choices]
TEXTS = [(r, name) for r, name in FIELDS if r.shown(name).longest]
NO_TEXTS = [field for field in FIELDS if field not in TEXTS]
NOTHING_OF_THE_KIND: list[Any] = [
    None,
    [],
    [1],
    {},
    {"a": 1},
    True,
    False,
    "",
    "abc",
    "1e",
    "NaN",
    b"\xff\x00",
    object(),
    math.nan,
    math.inf,
    -math.inf,
    10**6000,
    -(10**6000),
    [10**6000],
    "9" * 100_000,
    10**12,
    -1e300,
    1j,
]
STRANGE_TEXTS = [
    "x" * 1_000_000,
    "<script>alert(1)</script>",
    "a\0b\x1b[31mc\r\n\td",
    f"{BIDI}evil",
    "{given} {0} {} %s %(a)s",
    "\ud800\udfff",
    "</td><img src=x onerror=alert(1)>" * 10_000,
    "\u2028\u2029\ufeff\u200b",
]


def names(request: type[Request]) -> str:
    return request.task


def clean(text: str) -> bool:
    """Short, and without markup or characters that are not seen."""
    return (
        len(text) < 600  # Room for the names of all tasks.
        and not re.search("[<>]", text)
        and all(unicodedata.category(c)[0] != "C" and c not in BIDI for c in text)
        and not re.search("[\u2028\u2029]", text)
    )


def refusal(request: type[Request], **values: Any) -> Text:
    with pytest.raises(InvalidRequest) as caught:
        request.ask(**values)
    text = caught.value.text
    assert all(map(clean, text))
    assert re.search(r"[\u4e00-\u9fff]", text.zh)
    # The traceback must not hand on what was given either.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return text


def limits(request: type[Request], name: str) -> tuple[float, float]:
    low, high = request.bounds(name)
    assert low is not None
    assert high is not None
    return low, high


def test_tasks_go_by_their_names():
    assert list(TASKS) == [request.task for request in TASKS.values()]
    for task, request in TASKS.items():
        assert tasks.find(task) is request
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", task)


@pytest.mark.parametrize("task", STRANGE_TEXTS)
def test_an_unknown_task_is_named_with_those_that_there_are(task: str):
    with pytest.raises(InvalidRequest) as caught:
        tasks.find(task)
    assert all(map(clean, caught.value.text))
    assert all(known in text for known in TASKS for text in caught.value.text)


@pytest.mark.parametrize(("request_type", "name"), FIELDS)
def test_every_field_is_described(request_type: type[Request], name: str):
    shown, info = request_type.shown(name), request_type.model_fields[name]
    assert all([*shown.label, *shown.help])
    assert info.description == shown.help.en
    if shown.choices:
        literal = set(get_args(info.annotation))
        assert {choice.value for choice in shown.choices} == literal
        assert len({choice.name for choice in shown.choices}) == len(literal)
        assert info.default in literal
    elif info.annotation is bool:
        for value in (True, False, "true", "false"):
            assert getattr(request_type.ask(**{name: value}), name) is (value in (True, "true"))
    elif shown.picture or shown.longest:
        assert request_type.ask(**{name: info.default}) == request_type.ask()
    else:
        low, high = limits(request_type, name)
        assert low <= info.default <= high
        assert shown.step is not None
        assert shown.step > 0


@pytest.mark.parametrize(("request_type", "name"), NUMBERS)
def test_bounds_are_inclusive(request_type: type[Request], name: str):
    low, high = limits(request_type, name)
    for value in (low, high):
        assert getattr(request_type.ask(**{name: value}), name) == value


@pytest.mark.parametrize(("request_type", "name"), NUMBERS)
def test_what_is_out_of_bounds_is_refused_with_the_bounds(request_type: type[Request], name: str):
    low, high = limits(request_type, name)
    whole = request_type.model_fields[name].annotation is int
    step = 1 if whole else 1e-6
    for value in (low - step, high + step, low - 10**9, high + 10**9):
        text = refusal(request_type, **{name: value})
        assert request_type.shown(name).label.en in text.en
        assert request_type.shown(name).label.zh in text.zh
        assert all(f"{low}" in t and f"{high}" in t and brief(value) in t for t in text)


@pytest.mark.parametrize(("request_type", "name"), NUMBERS)
def test_numbers_may_be_spelled(request_type: type[Request], name: str):
    low, high = limits(request_type, name)
    for value in (low, high):
        assert getattr(request_type.ask(**{name: str(value)}), name) == value


@pytest.mark.parametrize(("request_type", "name"), NUMBERS)
def test_halves_are_no_whole_numbers(request_type: type[Request], name: str):
    low, _ = limits(request_type, name)
    if request_type.model_fields[name].annotation is int:
        for value in (low + 0.5, str(low + 0.5)):
            assert "whole number" in refusal(request_type, **{name: value}).en


@pytest.mark.parametrize(("request_type", "name"), FIELDS)
def test_what_is_not_of_the_kind_is_refused(request_type: type[Request], name: str):
    for value in NOTHING_OF_THE_KIND:
        if isinstance(value, str) and request_type.shown(name).longest > len(value):
            continue
        if isinstance(value, bool) and request_type.model_fields[name].annotation is bool:
            continue
        text = refusal(request_type, **{name: value})
        assert request_type.shown(name).label.en in text.en
        assert request_type.shown(name).label.zh in text.zh


@pytest.mark.parametrize(("request_type", "name"), CHOICES)
def test_every_choice_is_taken(request_type: type[Request], name: str):
    values = [choice.value for choice in request_type.shown(name).choices]
    for value in values:
        assert getattr(request_type.ask(**{name: value}), name) == value
        if value.isdigit():
            assert getattr(request_type.ask(**{name: int(value)}), name) == value
    for value in ("10", 10, -1, "EACH", "Slerp", " 3", "3 ", 3.0):
        text = refusal(request_type, **{name: value})
        assert all(given in t for given in values for t in text)


@pytest.mark.parametrize(("request_type", "name"), NO_TEXTS)
def test_strange_texts_come_back_short_and_clean(request_type: type[Request], name: str):
    for value in STRANGE_TEXTS:
        assert request_type.shown(name).label.en in refusal(request_type, **{name: value}).en


@pytest.mark.parametrize(("request_type", "name"), TEXTS)
def test_texts_are_taken_without_what_is_not_seen(request_type: type[Request], name: str):
    for given, taken in (
        ("A cat.\n\tIt sleeps.", "A cat.\n\tIt sleeps."),
        ("从前👩‍👩‍👧e\u0301", "从前👩‍👩‍👧e\u0301"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        (f"a\0b\x1b[31m\x85{BIDI}c", "ab[31m\nc"),
        ("cut \ud83d off", "cut  off"),
        ("<b>{given}</b> %s", "<b>{given}</b> %s"),
    ):
        assert getattr(request_type.ask(**{name: given}), name) == taken


@pytest.mark.parametrize(("request_type", "name"), TEXTS)
def test_long_texts_are_refused_with_the_longest(request_type: type[Request], name: str):
    shown = request_type.shown(name)
    longest = "数" * shown.longest
    assert getattr(request_type.ask(**{name: longest}), name) == longest
    for value in (longest + "数", "x" * 1_000_000, "\u202e<b>" * 1_000_000):
        text = refusal(request_type, **{name: value})
        assert shown.label.en in text.en
        assert shown.label.zh in text.zh
        assert all(f"{shown.longest:,}" in t for t in text)


def test_a_text_that_must_not_be_empty():
    for value in ("", "\0", "\u202e"):
        assert "1 to 20,000 characters" in refusal(ContinueText, prompt=value).en
    assert TextToImage.ask(prompt="", negative="").prompt == ""


@pytest.mark.parametrize("value", [513, "100", 2047])
def test_sides_are_multiples(value: Any):
    for text in refusal(TextToImage, width=value):
        assert "8" in text
        assert brief(value) in text


@pytest.mark.parametrize("request_type", TASKS.values(), ids=names)
def test_unknown_settings_are_refused(request_type: type[Request]):
    for name in [*STRANGE_TEXTS, "breadth", "self", "cls", "", "model_config"]:
        text = refusal(request_type, **{name: 1})
        assert request_type.title.en in text.en
        assert request_type.title.zh in text.zh


@pytest.mark.parametrize("request_type", TASKS.values(), ids=names)
def test_requests_are_frozen(request_type: type[Request]):
    request = request_type.ask()
    for name in request_type.model_fields:
        with pytest.raises(ValidationError):
            setattr(request, name, getattr(request, name))
        with pytest.raises(ValidationError):
            delattr(request, name)
    assert hash(request) == hash(request_type.ask())


@pytest.mark.parametrize("request_type", TASKS.values(), ids=names)
def test_requests_survive_json(request_type: type[Request]):
    request = request_type.ask()
    assert request_type.ask(**json.loads(request.model_dump_json())) == request


@pytest.mark.parametrize("request_type", TASKS.values(), ids=names)
def test_each_step_of_a_slider_is_within_bounds(request_type: type[Request]):
    for name in request_type.model_fields:
        shown, (low, high) = request_type.shown(name), request_type.bounds(name)
        if shown.step is None or low is None or high is None or (high - low) / shown.step > 1000:
            continue
        count = round((high - low) / shown.step)
        places = [low + index * shown.step for index in range(count + 1)]
        assert places[-1] == pytest.approx(high)
        assert all(a < b for a, b in pairwise(places))


def test_brief_is_short_and_clean():
    assert brief("x" * 40) == "x" * 40
    assert brief("x" * 41) == "x" * 40 + "…"
    assert brief("数字 <b>") == "数字 ‹b›"
    assert brief("a\0\n\u202eb") == "a   b"
    for value in [*NOTHING_OF_THE_KIND, *STRANGE_TEXTS]:
        assert clean(brief(value))
        assert len(brief(value)) <= 41


def test_brief_of_a_list_without_end():
    endless: list[Any] = []
    for _ in range(100_000):
        endless = [endless]
    assert brief(endless) == "…"


def test_asking_needs_nothing_heavy():
    code = (
        "import sys, aigc_core.tasks, aigc_core.events, aigc_core.errors;"
        "heavy = {'torch', 'transformers', 'diffusers', 'accelerate', 'gradio', 'scipy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert fresh(code).strip() == "[]"
