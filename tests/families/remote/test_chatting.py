"""Tasks that are put in words to a model on another server."""

import json
from typing import Any

import pytest

from aigc_core.engine import Engine
from aigc_core.events import Preview, Result
from aigc_core.families import chat_lm, remote_text
from aigc_core.families.chat_tasks import TASKS
from aigc_core.media import Writing
from aigc_core.tasks import (
    AnswerQuestion,
    ChatText,
    ContinueText,
    Request,
    SummariseText,
    TranslateText,
    WriteText,
)
from tests.families.servers import WORDS, Behaviour, Server

TALK = [
    {"role": "user", "content": "Who are you?"},
    {"role": "assistant", "content": "A lighthouse."},
    {"role": "user", "content": "Where?"},
]
CHAT = ChatText.ask(messages=json.dumps(TALK), system="Be brief.", tokens=20, seed=3)


def said(engine: Engine, request: Request) -> Writing:
    media = engine.result(request).artifacts[0].media
    assert isinstance(media, Writing)
    return media


def test_it_answers_what_a_chat_model_here_does() -> None:
    assert set(remote_text.ANSWERS) == {ContinueText, *TASKS}
    assert set(TASKS) < set(chat_lm.ANSWERS)


def test_a_conversation_goes_as_it_is(server: Server, engine: Engine) -> None:
    server.behaviour = Behaviour(pause=0.05)
    events = list(engine.run(CHAT))
    last = events[-1]
    assert isinstance(last, Result)
    (artifact,) = last.artifacts
    assert artifact.media == Writing("".join(WORDS))
    assert artifact.record.details["protocol"] == "chat"
    assert artifact.record.details["ended"] == "by itself"
    assert len([event for event in events if isinstance(event, Preview)]) >= 4
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.body == {
        "model": "org/tiny",
        "messages": [{"role": "system", "content": "Be brief."}, *TALK],
        "max_tokens": 20,
        "temperature": 0.7,
        "top_p": 0.95,
        "seed": 3,
        "stream": True,
    }


@pytest.mark.parametrize(
    "request_",
    [SummariseText.ask(), AnswerQuestion.ask(), TranslateText.ask(), WriteText.ask()],
    ids=lambda request: request.task,
)
def test_tasks_are_put_in_words(request_: Request, server: Server, engine: Engine) -> None:
    assert said(engine, request_).text == "".join(WORDS)
    (message,) = server.asked[0].body["messages"]
    given = next(value for _, value in request_ if isinstance(value, str))
    assert given in message["content"]


def test_a_long_text_is_asked_for_part_by_part(server: Server, engine: Engine) -> None:
    written = said(engine, WriteText.ask(parts=2, brief="A keeper."))
    assert written.text.count("".join(WORDS)) >= 2
    assert len(server.asked) == 3


def test_thoughts_in_the_text_are_parted(server: Server, engine: Engine) -> None:
    server.behaviour = Behaviour(words=("<thi", "nk>Hm", ".</think>", "\n\nAt sea."))
    assert said(engine, CHAT) == Writing("At sea.", "Hm.")


@pytest.mark.parametrize("way", ["completions", "chat/completions"])
def test_what_the_protocol_does_not_know_is_sent_where_it_is_wished(
    way: str, server: Server, engine: Engine
) -> None:
    server.behaviour = Behaviour(ways=(f"/v1/{way}",))
    wished: dict[str, Any] = {"top_k": 20, "min_p": 0.05, "repetition_penalty": 1.1}
    engine.result(ContinueText.ask(prompt="Once", **wished))
    body = server.asked[-1].body
    assert {name: body[name] for name in wished} == wished
    engine.result(ContinueText.ask(prompt="Once"))
    assert not set(wished) & set(server.asked[-1].body)


def test_thinking_is_asked_for_where_it_is_wished(server: Server, engine: Engine) -> None:
    engine.result(CHAT.model_copy(update={"thinking": True}))
    assert server.asked[-1].body["chat_template_kwargs"] == {"enable_thinking": True}


def test_chatting_does_not_change_how_a_text_is_continued(server: Server, engine: Engine) -> None:
    engine.result(CHAT)
    engine.result(ContinueText.ask(prompt="Once"))
    assert [asked.path for asked in server.asked] == ["/v1/chat/completions", "/v1/completions"]
