"""Poetry over HTTP: poems on the page, their form checked, the nearest poems, and bad input."""

from collections.abc import Callable
from typing import Any

import pytest

from aigc_core.errors import InvalidRequest
from aigc_core.tasks import ComposePoem
from aigc_core.verse import form_problem, rhymes
from apps.text.poems import upright
from apps.text.poetry import POETRY
from tests.apps.visiting import Client
from tests.instructed import CHATTER, POET, small_engine  # noqa: F401
from tests.reading_room import AWAY, suite, url  # noqa: F401
from tests.test_verse import poems

pytest_plugins = ("tests.downloaded",)
pytestmark = pytest.mark.usefixtures("quiet")
DEMOS = (POETRY,)
Visitor = Callable[..., Client]


def composed(visitor: Visitor, **values: Any) -> tuple[list[str], dict[str, str], str]:
    """The panes that were filled, the poems by model, and the one whose likes are looked for."""
    kind, data = visitor().ask("text_compose", seed=3, **values)
    assert kind == "complete"
    panes = [one for one in data if isinstance(one, str) and 'class="verse"' in one]
    (said,) = [one for one in data if isinstance(one, dict) and set(one) <= {POET, CHATTER}]
    return panes, said, data[-1]


def test_ours_keeps_the_form_and_the_pretrained_one_is_checked(visitor: Visitor) -> None:
    panes, said, first = composed(visitor, form="5")
    assert list(said) == [POET, CHATTER]
    assert first == said[POET]
    assert form_problem(said[POET], 5) is None
    assert "✓ " in panes[0]
    assert "download=" in panes[0]
    assert "✗ " in panes[1]
    assert "broken" in panes[1]


def test_what_was_asked_for_is_marked(visitor: Visitor) -> None:
    (pane,), *_ = composed(visitor, form="5", first_line="明月", heads="明", models=[POET])
    assert pane.count("<mark>") == 2
    assert "<mark>明</mark><mark>月</mark>" in pane


def test_heads_and_rhyme(visitor: Visitor) -> None:
    poem = composed(visitor, form="7", heads="山明", rhyming=True, models=[POET])[1][POET]
    assert [line[0] for line in poem.splitlines()[:2]] == ["山", "明"]
    assert rhymes(poem)


@poems
def test_the_nearest_poems_are_real_ones(visitor: Visitor) -> None:
    kind, (page,) = visitor().ask("text_nearest_poems", poem="白日依山尽，黄河入海流。")
    assert kind == "complete"
    assert page.count("<figure") == 3
    assert "朱斌《登楼》" in page
    assert visitor().ask("text_nearest_poems", poem="") == ("complete", [""])


@pytest.mark.parametrize(
    "values",
    [
        {"form": "6"},
        {"form": None},
        {"first_line": 7},
        {"keep_form": "perhaps"},
        {"temperature": float("nan")},
        {"seed": -1},
    ],
)
def test_bad_wishes_are_refused_in_a_sentence(visitor: Visitor, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ComposePoem.ask(**values)
    assert visitor("zh-CN").refusal("text_compose", **values) == caught.value.text.zh


@pytest.mark.parametrize(
    "values",
    [
        {"heads": "春江花月夜"},
        {"first_line": "白日依山尽黄河入海流"},
        {"first_line": "🦉<b>"},
        {"rhyming": True, "keep_form": False},
    ],
)
def test_what_a_model_cannot_do_stands_in_its_pane(
    visitor: Visitor, values: dict[str, Any]
) -> None:
    kind, data = visitor("zh-CN").ask("text_compose", models=[POET], **values)
    assert kind == "complete"
    assert any('class="notice"' in one for one in data if isinstance(one, str))


def test_one_that_is_away_is_not_downloaded_by_a_click(visitor: Visitor) -> None:
    assert AWAY in visitor().refusal("text_compose", models=[AWAY])


def test_markup_in_a_poem_is_shown_and_does_nothing() -> None:
    assert "<b>" not in upright("<b>山，\n水。")
    assert upright("山，\n水。").count("<span>") == 2
    assert upright("山，\n<。", marked=[3]).count("<mark>&lt;</mark>") == 1
    assert "cursor" in upright("", writing=True)
