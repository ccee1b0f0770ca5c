import json

import pytest

from aigc_core.errors import InvalidRequest
from aigc_core.tasks import AttendText, ChatText, TraceText


def test_chosen_tokens_are_numbers():
    assert TraceText.ask(chosen=" 3 17\n4 ").forced == (3, 17, 4)
    assert TraceText.ask().forced == ()


@pytest.mark.parametrize("chosen", ["3,4", "-1", "1.5", "²", "٣", "9" * 10, "<b>"])
def test_what_is_no_number_is_named(chosen: str):
    with pytest.raises(InvalidRequest) as caught:
        _ = TraceText.ask(chosen=chosen).forced
    assert "<" not in caught.value.text.en
    assert caught.value.text.zh.startswith("“")


def test_heads_are_layer_and_head():
    assert AttendText.ask(off="0.1 11.3 0.1").heads_off == {(0, 1), (11, 3)}


@pytest.mark.parametrize("off", ["1", "1.", ".1", "1.2.3", "a.b", "1,2", "-1.0", "1e3.0"])
def test_what_is_no_head_is_named(off: str):
    with pytest.raises(InvalidRequest, match="no head"):
        _ = AttendText.ask(off=off).heads_off


def test_a_message_alone_is_the_users():
    for text in ("Hello", "[1, 2", "3", '{"role": "user"}'):
        (turn,) = ChatText.ask(messages=text).turns
        assert (turn.role, turn.content) == ("user", text)


def test_a_conversation_comes_as_json():
    said = [("user", "a"), ("assistant", "b\u202e"), ("user", "c")]
    listed = json.dumps([{"role": role, "content": text} for role, text in said])
    turns = ChatText.ask(messages=listed).turns
    assert [(turn.role, turn.content) for turn in turns] == [
        ("user", "a"), ("assistant", "b"), ("user", "c"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "listed",
    [
        "[]",
        '["a"]',
        '[{"role": "user"}]',
        '[{"role": "system", "content": "x"}]',
        '[{"role": "user", "content": "x", "name": "y"}]',
        '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]',
        '[{"role": "user", "content": 3}]',
    ],
)
def test_json_that_is_no_conversation_is_refused(listed: str):
    with pytest.raises(InvalidRequest, match="role"):
        _ = ChatText.ask(messages=listed).turns
