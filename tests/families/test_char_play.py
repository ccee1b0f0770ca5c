"""Conversations as scenes of a play, and scripts."""

import json

import pytest
import torch

from aigc_core.errors import InvalidRequest
from aigc_core.events import Preview
from aigc_core.families import char_lm
from aigc_core.families.char_model import CharModel
from aigc_core.families.char_play import scene
from aigc_core.media import Writing
from aigc_core.tasks import ChatText, ContinueText, WriteText
from tests.families.characters import PROSE, answer, events, model, text

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

TALK = json.dumps(
    [
        {"role": "user", "content": "Good morrow!"},
        {"role": "assistant", "content": "Who calls?"},
        {"role": "user", "content": "A friend,\n\n\n  and no foe. "},
    ]
)


@pytest.fixture(params=["transformer", "lstm"])
def char(request: pytest.FixtureRequest) -> CharModel:
    return model(request.param, context=128)


def test_a_conversation_is_a_scene():
    assert scene(ChatText.ask(messages=TALK).turns, "JULIET") == (
        "STRANGER:\nGood morrow!\n\nJULIET:\nWho calls?\n\n"
        "STRANGER:\nA friend,\nand no foe.\n\nJULIET:\n"
    )


def test_the_answer_goes_on_from_the_scene(char: CharModel):
    request = ChatText.ask(messages=TALK, system="You are JULIET.", tokens=12, temperature=0.0)
    prompt = scene(request.turns, "JULIET")
    plain = answer(char_lm, char, ContinueText.ask(prompt=prompt, tokens=12, temperature=0.0))
    assert not text(plain).startswith("\n")
    assert text(answer(char_lm, char, request)) == text(plain).split("\n\n")[0].rstrip()


@pytest.mark.parametrize(
    ("system", "speaker"),
    [
        ("", "ROMEO"),
        ("KING RICHARD III", "KING RICHARD III"),
        ("You are LADY CAPULET, and proud.", "LADY CAPULET"),
        ("Be a helpful AI.", "ROMEO"),
        ("Speak as JULIET to ROMEO", "JULIET"),
        ("你是 HAMLET 。", "HAMLET"),
    ],
)
def test_who_answers_is_the_name_in_capital_letters(system: str, speaker: str, char: CharModel):
    output = answer(char_lm, char, ChatText.ask(system=system, tokens=2))
    assert output.details["speaker"] == speaker


def test_a_speech_ends_with_a_blank_line_and_does_not_begin_with_one():
    char = model("lstm")
    newline = PROSE.index("\n")
    with torch.no_grad():
        char.network.bias[newline] = 6.0  # type: ignore[attr-defined]
    told = events(char_lm, char, ChatText.ask(tokens=400, temperature=1.0, seed=2))
    output = answer(char_lm, char, ChatText.ask(tokens=400, temperature=1.0, seed=2))
    assert output.details["ended"] == "by itself"
    assert text(output)
    assert not text(output).startswith("\n")
    assert "\n\n" not in text(output)
    for event in told:
        if isinstance(event, Preview):
            assert isinstance(event.media, Writing)
            assert not event.media.text.endswith("\n")


def test_a_long_conversation_is_read_from_its_end(char: CharModel):
    long = json.dumps([{"role": "user", "content": "alack " * 800}])
    output = answer(char_lm, char, ChatText.ask(messages=long, tokens=2))
    assert output.details["prompt_tokens"] == (char.context or 2000)
    assert output.details["cut"] > 2000


@pytest.mark.parametrize(
    "messages",
    ["你好", "🦉", "[]", '[{"role": "assistant", "content": "a"}]', '[{"role": "user"}]'],
)
def test_what_is_no_message_is_refused_in_words(messages: str, char: CharModel):
    with pytest.raises(InvalidRequest):
        answer(char_lm, char, ChatText.ask(messages=messages))


def test_a_script_begins_with_the_brief(char: CharModel):
    brief = "A storm.\n\nEnter two “sailors” 🦉"
    request = WriteText.ask(brief=brief, genre="script", tokens=10, temperature=0.0)
    output = answer(char_lm, char, request)
    prompt = "A storm.\nEnter two 'sailors' \n\n"
    plain = answer(char_lm, char, ContinueText.ask(prompt=prompt, tokens=10, temperature=0.0))
    assert text(output) == text(plain)
    assert output.details["left_out"] == "🦉"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"genre": "story"}, "script"),
        ({"genre": "poem"}, "script"),
        ({"genre": "script", "parts": 3}, "one section"),
        ({"genre": "script", "brief": "写一出戏"}, "A–Z"),
    ],
)
def test_what_it_cannot_write_is_refused_with_what_it_can(
    changes: dict[str, object], said: str, char: CharModel
):
    with pytest.raises(InvalidRequest) as caught:
        answer(char_lm, char, WriteText.ask(**changes))
    assert said in caught.value.text.en
