"""Poems by plan: the form is kept whatever the weights say."""

from contextlib import closing
from itertools import product
from typing import Any

import pytest
import torch

from aigc_core import rhyme
from aigc_core.errors import InvalidRequest
from aigc_core.events import Preview
from aigc_core.families import char_lm, quatrains, quatrains_attention
from aigc_core.families.char_model import CharModel
from aigc_core.families.quatrain_plan import LONGEST, rhyming
from aigc_core.media import Writing
from aigc_core.tasks import AttendText, ComposePoem, ContinueText, WriteText
from aigc_core.verse import form_problem, rhymes
from tests.families.characters import VERSE, answer, events, model, text
from tests.test_verse import FORM

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


@pytest.fixture(scope="module", params=["transformer", "lstm"])
def char(request: pytest.FixtureRequest) -> CharModel:
    return model(request.param, VERSE, context=40)


def composed(char: CharModel, **values: Any) -> Any:
    return answer(quatrains, char, ComposePoem.ask(**values))


def bare(poem: str) -> str:
    return "".join(poem.split())


@pytest.mark.parametrize("temperature", [0.0, 0.9, 2.0])
@pytest.mark.parametrize("form", ["5", "7"])
def test_the_form_is_always_kept(form: str, temperature: float, char: CharModel):
    for seed in range(5):
        output = composed(char, form=form, temperature=temperature, seed=seed, rhyming=seed > 2)
        poem = text(output)
        assert FORM.fullmatch(bare(poem))
        assert [len(line) for line in poem.split("\n")] == [int(form) + 1] * 4
        assert output.details["form"] == "kept"
        assert output.details["rhyme"] == rhymes(poem)
        assert (output.details["chosen"], output.details["given"]) == (0, [])
        assert output.seed == seed


@pytest.mark.parametrize("seed", range(6))
def test_rhyming_poems_rhyme(seed: int, char: CharModel):
    output = composed(char, form="57"[seed % 2], rhyming=True, seed=seed, temperature=1.5)
    assert output.details["rhyme"]
    second, fourth = text(output).split("\n")[1][-2], text(output).split("\n")[3][-2]
    assert rhyme.group(second) == rhyme.group(fourth)
    assert second != fourth


def test_what_may_rhyme_is_what_sounds_alike(char: CharModel):
    allowed = {VERSE[n] for n in rhyming(char, "霜").nonzero().flatten().tolist()}
    assert allowed == set("光乡长香床上望")
    lonely = model("lstm", "\n57，。山水花")
    everything = rhyming(lonely, "水").tolist()
    assert everything == [False] * 5 + [True] * 3


def test_a_first_line_and_hidden_heads_stand_where_they_must(char: CharModel):
    for line, heads in product(("", "明月", "明月是天光"), ("", "明", "明春", "明春花人")):
        output = composed(char, form="5", first_line=line, heads=heads, seed=1)
        poem = text(output)
        lines = poem.split("\n")
        assert poem.startswith(line)
        assert "".join(verse[0] for verse in lines).startswith(heads)
        assert output.details["form"] == "kept"
        wanted = set(range(max(len(line), min(1, len(heads))))) | {
            7 * number for number in range(len(heads))
        }
        assert output.details["given"] == sorted(wanted)
        assert output.details["chosen"] == len(wanted)
        assert {poem[place] for place in wanted} <= set(line + heads)


def test_punctuation_and_blanks_around_what_is_given_mean_nothing(char: CharModel):
    plain = composed(char, first_line="明月", heads="明春花人")
    typed = composed(char, first_line=" 明 月，", heads="明，春、花 人。")
    assert typed == plain


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"form": "5", "first_line": "明月是地上天"}, ("6", "5")),
        ({"form": "7", "first_line": "明月光，天山。风"}, ("8", "7")),
        ({"first_line": "明月abc"}, ("abc",)),
        ({"first_line": "國"}, ("國", "天年前边")),
        ({"first_line": "<b>"}, ("‹b›",)),
        ({"first_line": "月，光"}, ("，",)),
        ({"first_line": "5月"}, ("5",)),
        ({"heads": "明春花人天"}, ("5",)),
        ({"heads": "明🦉"}, ("🦉",)),
        ({"first_line": "明月", "heads": "春"}, ("明", "春")),
        ({"keep_form": False, "rhyming": True}, ()),
    ],
)
def test_what_cannot_be_is_refused_with_what_is_wrong(
    values: dict[str, Any], said: tuple[str, ...], char: CharModel
):
    with pytest.raises(InvalidRequest) as caught:
        composed(char, **values)
    for words in caught.value.text:
        assert all(part in words for part in said)
        assert "<" not in words


def test_written_freely_it_is_what_the_model_writes(char: CharModel):
    for seed in range(4):
        wish = {"keep_form": False, "temperature": 1.0, "seed": seed}
        output = composed(char, form="5", first_line="明月", **wish)
        plain = ContinueText.ask(prompt="明月", tokens=LONGEST - 2, top_p=1.0, temperature=1.0)
        free = answer(char_lm, char, plain.model_copy(update={"seed": seed}))
        assert bare(text(output)) == "明月" + text(free)
        problem = form_problem(text(output), 5)
        assert output.details["form"] == (problem.en if problem else "kept")
        assert output.details["ended"] == free.details["ended"]


def test_heads_are_hidden_in_a_free_poem_too(char: CharModel):
    with torch.no_grad():
        weight = char.network.token.weight  # type: ignore[attr-defined]
        kept = weight[3:5].clone()
        weight[3:5] *= 6  # Much punctuation.
    output = composed(char, heads="春花", keep_form=False, temperature=1.0, seed=3)
    with torch.no_grad():
        weight[3:5] = kept
    lines = text(output).split("\n")
    assert [line[0] for line in lines[:2]] == list("春花")[: len(lines)]
    assert [text(output)[place] for place in output.details["given"]] == list("春花")[: len(lines)]


def test_each_character_is_told(char: CharModel):
    *told, _ = events(quatrains, char, ComposePoem.ask(form="5", first_line="明月", seed=4))
    poem = bare(text(composed(char, form="5", first_line="明月", seed=4)))
    shown = [bare(e.media.text) for e in told if isinstance(e, Preview) and is_text(e.media)]
    assert shown == [poem[:n] for n in range(3, 25)]


def is_text(media: object) -> bool:
    return isinstance(media, Writing)


def test_two_interleaved_each_get_what_they_get_alone(char: CharModel):
    asked = [ComposePoem.ask(heads=heads, seed=seed) for seed, heads in enumerate(("春", "明月"))]
    alone = [events(quatrains, char, request) for request in asked]
    beside = zip(*(quatrains.compose(char, request) for request in asked), strict=True)
    assert [list(column) for column in zip(*beside, strict=True)] == alone


def test_it_stops_within_a_character(char: CharModel):
    passes: list[int] = []
    hook = char.network.register_forward_hook(lambda *_: passes.append(1))  # type: ignore[attr-defined]
    with closing(quatrains.compose(char, ComposePoem.ask())) as stream:
        while not isinstance(next(stream), Preview):
            pass
    assert len(passes) == 1
    hook.remove()


@pytest.mark.parametrize(
    ("brief", "begins", "left_out"),
    [
        ("明月是天光，山人", "明月是天光，", ""),
        ("Write of 明月!", "明月", "Writeof"),
        ("明月是天光山风人", "明月是天光山风，", ""),
        ("。。", "", ""),
    ],
)
def test_a_poem_to_a_brief(brief: str, begins: str, left_out: str, char: CharModel):
    output = answer(quatrains, char, WriteText.ask(brief=brief, genre="poem", seed=1))
    assert bare(text(output)).startswith(begins)
    assert output.details["form"] == "kept"
    assert output.details["left_out"] == left_out


def test_no_more_is_written_than_was_asked_for(char: CharModel):
    output = answer(quatrains, char, WriteText.ask(brief="明月", genre="poem", tokens=4))
    assert len(bare(text(output))) == 6
    assert output.details["tokens"] == 4
    assert output.details["ended"] == "at the limit"
    assert output.details["form"] != "kept"


def test_other_genres_and_other_scripts_are_refused(char: CharModel):
    for values, said in (
        ({"genre": "story", "brief": "明月"}, "poem"),
        ({"genre": "poem", "brief": "A lighthouse"}, "Chinese characters"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            answer(quatrains, char, WriteText.ask(**values))
        assert said in caught.value.text.en


def test_only_networks_with_heads_answer_for_them():
    assert AttendText in quatrains_attention.ANSWERS
    assert AttendText not in quatrains.ANSWERS
    assert set(quatrains.ANSWERS) < set(quatrains_attention.ANSWERS)
