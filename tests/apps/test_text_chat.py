"""Chat over HTTP: conversations, what a stop or an error leaves, and bad input."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aigc_core.errors import UnknownModel
from aigc_core.media import Writing
from aigc_core.tasks import ChatText
from aigc_core.text import Text
from apps.text.chatting import CHAT, EMPTY, NOTHING, TOO_LONG
from apps.text.talk import LONGEST, Talk, Turn, recalled, view
from tests.apps.visiting import Client
from tests.instructed import CHATTER, PLAY, small_engine  # noqa: F401
from tests.reading_room import AWAY, suite, url  # noqa: F401

pytest_plugins = ("tests.downloaded",)
DEMOS = (CHAT,)
ASKED: dict[str, Any] = {"model": PLAY, "speaker": "JULIET", "tokens": 12, "seed": 1}
Visitor = Callable[..., Client]
JULIET = Text("Juliet", "朱丽叶")


@pytest.mark.usefixtures("quiet")
class TestOverHttp:
    def test_a_character_and_a_pretrained_model_answer(self, visitor: Visitor) -> None:
        for model, name in ((PLAY, "Juliet"), (CHATTER, CHATTER)):
            kind, (dialogue, *_) = visitor().ask(
                "text_chat", **{**ASKED, "model": model, "message": "Who are you?"}
            )
            assert kind == "complete"
            assert "Who are you?" in dialogue
            assert name in dialogue
            assert dialogue.count("data-copy") == 1

    @pytest.mark.parametrize("message", ["", " \n ", None, 7, "\x00\u202e"])
    def test_nothing_to_answer(self, visitor: Visitor, message: Any) -> None:
        for spoken, said in (("en", EMPTY.en), ("zh-CN", EMPTY.zh)):
            asked = {**ASKED, "message": message}
            assert visitor(spoken).refusal("text_chat", **asked) == said

    def test_a_megabyte(self, visitor: Visitor) -> None:
        for spoken, told in (("en", TOO_LONG.en), ("zh-CN", TOO_LONG.zh)):
            asked = {**ASKED, "message": "word " * 200_000}
            said = visitor(spoken).refusal("text_chat", **asked)
            assert said == told.format(most="20,000", count="1,000,000")

    def test_odd_characters_do_no_harm(self, visitor: Visitor) -> None:
        message = 'Hi \x00\u202e<script>alert(1)</script> 🙂 "]}'
        kind, (dialogue, *_) = visitor().ask("text_chat", **{**ASKED, "message": message})
        assert kind == "complete"
        assert "<script" not in dialogue
        assert "\x00" not in dialogue
        assert "\u202e" not in dialogue

    def test_models_that_cannot_answer(self, visitor: Visitor) -> None:
        asked = {**ASKED, "message": "Hello", "model": "nobody"}
        assert visitor().refusal("text_chat", **asked) == UnknownModel("nobody").text.en
        said = visitor().refusal("text_chat", **{**asked, "model": AWAY})
        assert "2.0 MB" in said or "2 MB" in said

    def test_no_answer_to_give_again(self, visitor: Visitor) -> None:
        assert visitor("zh-CN").refusal("text_chat_again", **ASKED) == NOTHING.zh


class TestTalk:
    said = Talk().asked("Hello").answered(Writing("Hi."), JULIET).ended()[0]

    def test_an_answer_is_kept(self) -> None:
        assert [turn.content for turn in self.said.turns] == ["Hello", "Hi."]
        assert recalled(json.loads(json.dumps(self.said.kept()))) == self.said

    def test_what_was_written_before_a_stop_stays(self) -> None:
        going = self.said.asked("And?").answered(Writing("I wi"), JULIET)
        talk, box = going.ended()
        assert [turn.content for turn in talk.turns] == ["Hello", "Hi.", "And?", "I wi"]
        assert box == ""

    def test_where_nothing_was_written_the_message_comes_back(self) -> None:
        assert self.said.asked("And?").ended() == (self.said, "And?")

    def test_an_answer_that_fails_again_leaves_the_old_one(self) -> None:
        again = self.said.again("typed since")
        assert again is not None
        assert json.loads(again.messages[0]) == [{"role": "user", "content": "Hello"}]
        assert again.ended() == (self.said, "typed since")

    def test_a_request_takes_what_the_page_keeps(self) -> None:
        messages, dropped = self.said.asked("And?").messages
        turns = ChatText.ask(messages=messages).turns
        assert [(turn.role, turn.content) for turn in turns] == [
            ("user", "Hello"),
            ("assistant", "Hi."),
            ("user", "And?"),
        ]
        assert dropped == 0

    @pytest.mark.parametrize("size", [9_000, 10_500])
    def test_the_first_messages_of_a_long_talk_go(self, size: int) -> None:
        turns = tuple(Turn(("user", "assistant")[n % 2], "x" * size) for n in range(12))
        messages, dropped = Talk(turns).asked("last").messages
        assert len(messages) <= LONGEST
        found = ChatText.ask(messages=messages).turns
        assert found[-1].content == "last"
        assert len(found) == 13 - dropped
        assert found[0].role == "user"

    @pytest.mark.parametrize("kept", [None, 7, "x", [1], [{"role": "system", "content": "x"}]])
    def test_what_is_no_conversation_is_not_recalled(self, kept: Any) -> None:
        assert recalled(kept) == Talk()

    def test_what_a_browser_kept_is_cleaned_and_escaped(self) -> None:
        bad = "<img src=x onerror=alert(1)>\u202e"
        item = {"role": "assistant", "content": bad, "thinking": bad, "name": [bad, bad]}
        shown = view(recalled([{**item, "notes": bad}]))
        assert "<img" not in shown
        assert "\u202e" not in shown
