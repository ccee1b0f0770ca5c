"""Translate, summarise, ask and write over HTTP: panes, figures for programs, and bad input."""

from collections.abc import Callable
from typing import Any

import pytest

from aigc_core.errors import InvalidRequest, UnknownModel
from aigc_core.tasks import AnswerQuestion, Request, SummariseText, TranslateText, WriteText
from apps.text.asking import ASK
from apps.text.lineup import CANNOT, NONE_HERE, NOT_NAMES
from apps.text.summarising import SUMMARISE
from apps.text.translating import TRANSLATE
from apps.text.writing import NOBODY, WRITE
from tests.apps.visiting import Client
from tests.instructed import CHATTER, PLAY, POET, TRANSLATOR, small_engine  # noqa: F401
from tests.reading_room import AWAY, suite, url  # noqa: F401

pytest_plugins = ("tests.downloaded",)
pytestmark = pytest.mark.usefixtures("quiet")
DEMOS = (TRANSLATE, SUMMARISE, ASK, WRITE)
Visitor = Callable[..., Client]
SHORT = {"tokens": 8, "seed": 1}
TASKS: dict[str, tuple[type[Request], dict[str, Any], str]] = {
    "text_translate": (TranslateText, {"beams": 2}, "text"),
    "text_summarise": (SummariseText, SHORT, "text"),
    "text_ask": (AnswerQuestion, SHORT, "question"),
    "text_write": (WriteText, {**SHORT, "genre": "script"}, "brief"),
}


def answers(visitor: Visitor, name: str, **values: Any) -> tuple[list[str], dict[str, str]]:
    """The panes that were filled, and the texts by model."""
    kind, data = visitor().ask(name, **{**TASKS[name][1], **values})
    assert kind == "complete"
    panes = [one for one in data if isinstance(one, str) and "<figure" in one and "paper" in one]
    (said,) = [one for one in data if isinstance(one, dict) and set(one) <= MODELS]
    return panes, said


MODELS = {PLAY, POET, TRANSLATOR, CHATTER}


def test_ours_and_a_pretrained_one_translate(visitor: Visitor) -> None:
    panes, said = answers(visitor, "text_translate", text="The king is dead. <i>", to="zh")
    assert set(said) == {TRANSLATOR, CHATTER}
    assert all("download=" in pane for pane in panes)
    assert "&lt;" in panes[0]


def test_only_who_is_named_is_asked(visitor: Visitor) -> None:
    _, said = answers(visitor, "text_translate", text="The king.", models=[CHATTER])
    assert set(said) == {CHATTER}


def test_one_that_cannot_leaves_the_others(visitor: Visitor) -> None:
    # Chinese already: ours says so, the other goes on.
    panes, said = answers(visitor, "text_translate", text="国王死了。", to="zh")
    assert set(said) == {CHATTER}
    assert "notice" in "".join(panes) or len(panes) == 1


def test_a_summary_and_an_answer(visitor: Visitor) -> None:
    for name in ("text_summarise", "text_ask"):
        panes, said = answers(visitor, name)
        assert set(said) == {CHATTER}
        assert len(panes) == 1


@pytest.mark.parametrize(
    ("genre", "writers"),
    [("script", {PLAY, CHATTER}), ("poem", {POET, CHATTER}), ("story", {CHATTER})],
)
def test_ours_write_what_they_have_read(visitor: Visitor, genre: str, writers: set[str]) -> None:
    _, said = answers(visitor, "text_write", genre=genre, brief="明月 The moon")
    assert set(said) == writers


def test_ours_write_one_section_of_several(visitor: Visitor) -> None:
    _, said = answers(visitor, "text_write", parts=3, models=[PLAY], brief="The moon")
    assert set(said) == {PLAY}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("value", ["", None, 7, "\x00\u202e", "word " * 200_000])
def test_bad_texts_are_answered_in_a_sentence(visitor: Visitor, name: str, value: Any) -> None:
    request, values, field = TASKS[name]
    known = {key: one for key, one in values.items() if key in request.model_fields}
    with pytest.raises(InvalidRequest) as caught:
        request.ask(**{**known, field: value})
    assert visitor("zh-CN").refusal(name, **{**values, field: value}) == caught.value.text.zh


@pytest.mark.parametrize("name", TASKS)
def test_bad_names_of_models(visitor: Visitor, name: str) -> None:
    for models, said in (
        ([1], UnknownModel("1").text.en),
        (["nobody"], UnknownModel("nobody").text.en),
        (10**9, NOT_NAMES.en),
        ("abc", NOT_NAMES.en),
    ):
        assert visitor().refusal(name, **{**TASKS[name][1], "models": models}) == said
    strange = {"text_translate": PLAY}.get(name, TRANSLATOR)
    said = visitor().refusal(name, **{**TASKS[name][1], "models": [strange]})
    assert said == CANNOT.fill(model=strange).en
    # It is not downloaded by a click here; what it would take is told.
    if name != "text_translate":
        said = visitor().refusal(name, **{**TASKS[name][1], "models": [AWAY]})
        assert AWAY in said
        assert "2.0 MB" in said


def test_a_genre_that_nobody_here_writes(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.text import panes

    here = panes.is_here
    monkeypatch.setattr(panes, "is_here", lambda entry: entry.origin != "hub" and here(entry))
    asked = {**TASKS["text_write"][1], "genre": "news", "models": []}
    assert visitor().refusal("text_write", **asked) == NOBODY.en


@pytest.mark.parametrize("name", ["text_summarise", "text_ask"])
def test_nobody_here_can(visitor: Visitor, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from apps.text import panes

    monkeypatch.setattr(panes, "is_here", lambda entry: entry.origin != "hub")
    assert visitor().refusal(name, **{**TASKS[name][1], "models": []}) == NONE_HERE.en
