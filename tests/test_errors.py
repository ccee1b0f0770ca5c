import inspect
import re
from typing import Any

import pytest

from aigc_core import errors
from aigc_core.errors import AigcError, DoesNotFit, ModelUnavailable, size
from aigc_core.text import LANGUAGES, Text

SAMPLES: dict[Any, Any] = {
    str: "a-name",
    int: 3_000_000_000,
    Text: Text("because of {braces}.", "因为{braces}。"),
}
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AigcError) and kind is not AigcError
]


def made(kind: type[AigcError], switch: bool = False) -> AigcError:
    samples = SAMPLES | {bool: switch}
    wanted = inspect.signature(kind).parameters.values()
    named = {p.name: samples[p.annotation] for p in wanted if p.kind is p.KEYWORD_ONLY}
    placed = [samples[p.annotation] for p in wanted if p.kind is p.POSITIONAL_OR_KEYWORD]
    return kind(*placed, **named)


@pytest.mark.parametrize("switch", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_a_sentence_in_both_languages(kind: type[AigcError], switch: bool):
    error = made(kind, switch)
    assert all(error.text.say(language).strip() for language in LANGUAGES)
    assert error.text.en[-1] in ".}"
    assert error.text.zh[-1] in "。}"
    assert re.search(r"[\u4e00-\u9fff]", error.text.zh)
    assert not re.search(r"[\u4e00-\u9fff]", error.text.en)
    assert str(error) == error.text.en


@pytest.mark.parametrize("switch", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_all_its_values(kind: type[AigcError], switch: bool):
    error = made(kind, switch)
    for text in error.text:
        assert set(re.findall(r"\{(.*?)\}", text)) <= {"braces"}
    wanted = inspect.signature(kind).parameters.values()
    if any(p.annotation is str for p in wanted):
        assert all("a-name" in text for text in error.text)


def test_values_are_filled_in():
    error = AigcError(Text("{n} of {what}", "{what}：{n}"), n=2, what=Text("ink", "墨"))
    assert error.text == Text("2 of ink", "墨：2")


def test_without_values_nothing_is_filled():
    assert AigcError(Text("{n}", "{n}")).text == Text("{n}", "{n}")


def test_an_unavailable_model_keeps_its_reason():
    why = Text("a file is missing.", "缺少文件。")
    error = ModelUnavailable("m", why)
    assert error.why == why
    assert error.text.zh.endswith(why.zh)


def test_what_does_not_fit_names_both_sizes():
    text = DoesNotFit("m", 13_400_000_000, 2_150_000_000).text
    assert all("13 GB" in t and "2.1 GB" in t for t in text) or "2.2 GB" in text.en


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_400_000, "1.4 MB"),
        (13_000_000_000, "13 GB"),
        (20_000_000, "20 MB"),
        (2_500_000_000_000, "2.5 TB"),
        (9_000_000_000_000_000, "9000 TB"),
    ],
)
def test_sizes_as_people_read_them(count: int, shown: str):
    assert size(count) == shown
