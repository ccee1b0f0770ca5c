"""Token by token over HTTP: what a pane is given, and what is said to bad values."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest, UnknownModel
from aigc_core.tasks import TraceText
from apps.text.token_by_token import TOKENS
from apps.text.tokens import visible
from tests.apps.visiting import Client
from tests.reading_room import AWAY, FEW, OURS, SECOND, small_engine, suite, url  # noqa: F401

DEMOS = (TOKENS,)
ASKED: dict[str, Any] = {
    "prompt": "to be, or not",
    "tokens": 12,
    "temperature": 0.7,
    "top_p": 1.0,
    "candidates": len(FEW),
    "seed": 3,
    "model": OURS,
}
Visitor = Callable[..., Client]

pytestmark = pytest.mark.usefixtures("quiet")


def traced(visitor: Visitor, **changes: Any) -> dict[str, Any]:
    kind, (pane, status) = visitor().ask("text_trace", **{**ASKED, **changes})
    assert (kind, status) == ("complete", "")
    return dict(pane)


def ids(pane: dict[str, Any]) -> list[int]:
    return [step["id"] for step in pane["steps"]]


def spelled(numbers: list[int]) -> str:
    return " ".join(map(str, numbers))


def test_a_pane_holds_what_the_engine_answers(visitor: Visitor, small_engine: Engine) -> None:  # noqa: F811
    pane = traced(visitor)
    request = TraceText.ask(**{name: ASKED[name] for name in ASKED if name != "model"})
    (artifact,) = small_engine.result(request, model=OURS).artifacts
    assert pane["steps"] == artifact.record.details["steps"]
    assert (pane["model"], pane["given"]) == (OURS, ASKED["prompt"])
    assert "download=" in pane["aside"]


def test_a_branch_keeps_what_was_before_and_writes_the_rest_anew(visitor: Visitor) -> None:
    first = traced(visitor)
    place, drawn = 4, ids(first)
    other = next(one[0] for one in first["steps"][place]["candidates"] if one[0] != drawn[place])
    branch = traced(visitor, chosen=spelled([*drawn[:place], other]))
    assert ids(branch)[: place + 1] == [*drawn[:place], other]
    assert branch["steps"][:place] == first["steps"][:place]
    assert len(branch["steps"]) == ASKED["tokens"]
    # The model looks at the same place, wherever it goes on.
    assert branch["steps"][place]["candidates"] == first["steps"][place]["candidates"]
    assert branch["steps"][place + 1] != first["steps"][place + 1]


def test_a_held_text_is_looked_at_anew(visitor: Visitor) -> None:
    first = traced(visitor)
    cool = 0.4
    held = traced(visitor, chosen=spelled(ids(first)), hold=True, temperature=cool, tokens=64)
    assert ids(held) == ids(first)
    for step, before in zip(held["steps"], first["steps"], strict=True):
        assert [one[:3] for one in step["candidates"]] == [one[:3] for one in before["candidates"]]
        # All tokens are candidates: q is p to the power of 1 / T, over its sum.
        powers = [math.pow(p, 1 / cool) for _, _, p, _ in step["candidates"]]
        q = [one[3] for one in step["candidates"]]
        assert q == pytest.approx([power / sum(powers) for power in powers], abs=1e-4)


def test_more_tokens_may_be_chosen_than_are_to_be_written(visitor: Visitor) -> None:
    drawn = ids(traced(visitor))
    assert ids(traced(visitor, chosen=spelled(drawn), tokens=2)) == drawn


def test_white_space_has_signs(visitor: Visitor) -> None:
    signs = traced(visitor)["signs"]
    assert signs == {" ": "␣", "\n": "⏎"}


def test_without_a_name_the_first_of_ours_answers(visitor: Visitor) -> None:
    assert traced(visitor, model="")["model"] == OURS
    assert traced(visitor, model=SECOND)["model"] == SECOND


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", "x" * 20_001),
        ("tokens", 10**6),
        ("tokens", "abc"),
        ("temperature", float("nan")),
        ("top_p", 0),
        ("candidates", 1),
        ("chosen", "1 <b> 2"),
        ("seed", -1),
    ],
)
def test_bad_values_are_answered_in_a_sentence(visitor: Visitor, field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        _ = TraceText.ask(**{field: value}).forced
    for spoken, said in (("en", caught.value.text.en), ("zh-CN", caught.value.text.zh)):
        asked = {**ASKED, field: value}
        assert visitor(spoken).refusal("text_trace", **asked) == said


def test_models_that_cannot_answer(visitor: Visitor) -> None:
    said = visitor().refusal("text_trace", **{**ASKED, "model": "nobody"})
    assert said == UnknownModel("nobody").text.en
    # It is not downloaded by a click here; what it would take is told.
    said = visitor().refusal("text_trace", **{**ASKED, "model": AWAY})
    assert said.startswith(AWAY)
    assert "2.0 MB" in said
    said = visitor().refusal("text_trace", **{**ASKED, "chosen": "999"})
    assert "999" in said


def test_tokens_are_shown_so_that_they_can_be_seen() -> None:
    assert visible(" the\n") == "␣the⏎"
    assert visible("") == "∅"
    assert visible("a\x00\u202eb") == "a\\x00\\u202eb"
    assert visible("床前") == "床前"
