import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import causal_lm, chat_lm
from aigc_core.families.causal_lm import load
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.chat import CUT, DROPPED
from aigc_core.media import Writing
from aigc_core.tasks import (
    AnswerQuestion,
    ChatText,
    ComposePoem,
    ContinueText,
    Request,
    SummariseText,
    TranslateText,
    WriteText,
)
from tests.families.scripted import Scripted
from tests.families.test_causal_lm import Downloaded, Forwards, placement

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")

CHATTING = (ChatText, SummariseText, AnswerQuestion, TranslateText, WriteText, ComposePoem)
TALK: list[dict[str, str]] = [
    {"role": "user", "content": "Who are you?"},
    {"role": "assistant", "content": "A lighthouse 灯塔."},
    {"role": "user", "content": "Where do you stand?"},
]
ASKED = ChatText.ask(messages=json.dumps(TALK), system="Be brief.", tokens=24, temperature=0)
PASSAGE = "The lighthouse stands at the sea. It was built in 1850. 灯塔很高。"


@pytest.fixture(scope="module")
def model(downloaded: Downloaded) -> Iterator[LoadedText]:
    made = load(downloaded("qwen3"), placement())
    yield made
    made.close()


@pytest.fixture(scope="module")
def thinker(downloaded: Downloaded) -> Iterator[LoadedText]:
    made = load(downloaded("thinker"), placement())
    yield made
    made.close()


def events_of(model: LoadedText, request: Request) -> list[FamilyEvent]:
    return list(chat_lm.ANSWERS[type(request)](model, request))


def finished(events: list[FamilyEvent]) -> Output:
    (*_, last) = events
    assert isinstance(last, Finished)
    (output,) = last.outputs
    return output


def answered(model: LoadedText, request: Request) -> Output:
    return finished(events_of(model, request))


def previews(events: list[FamilyEvent]) -> list[Writing]:
    media = [event.media for event in events if isinstance(event, Preview)]
    assert all(isinstance(one, Writing) for one in media)
    return media  # type: ignore[return-value]


def templated(model: LoadedText, messages: list[dict[str, str]], **settings: Any) -> list[int]:
    """The conversation as the library lays it out and reads it."""
    found = model.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False, **settings
    )
    return list(found)


class TestFamilies:
    def test_only_models_with_a_template_offer_to_chat(self):
        assert set(chat_lm.ANSWERS) - set(causal_lm.ANSWERS) == set(CHATTING)
        assert set(causal_lm.ANSWERS) < set(chat_lm.ANSWERS)
        assert chat_lm.RUNGS == causal_lm.RUNGS

    @pytest.mark.parametrize("kind", CHATTING)
    def test_a_model_without_one_says_what_it_can_do(
        self, kind: type[Request], downloaded: Downloaded
    ):
        plain = load(downloaded("gpt2"), placement())
        with pytest.raises(InvalidRequest) as caught:
            answered(plain, kind.ask())
        assert "continues texts only" in caught.value.text.en
        assert "只能续写" in caught.value.text.zh

    def test_the_memory_of_every_task_is_reckoned(self, downloaded: Downloaded):
        entry = downloaded("qwen3")
        least = chat_lm.activation_bytes(entry, ContinueText.ask(prompt="a", tokens=64))
        for kind in CHATTING:
            assert least < chat_lm.activation_bytes(entry, kind.ask()) < 20 * least


class TestChatting:
    def test_it_is_what_generate_says_to_the_template(self, model: LoadedText):
        turns = [{"role": "system", "content": "Be brief."}, *TALK]
        ids = torch.tensor([templated(model, turns)])
        whole = model.network.generate(ids, do_sample=False, max_new_tokens=24)
        output = answered(model, ASKED)
        theirs = whole[0, ids.shape[1] :].tolist()
        assert output.media == Writing(model.decode(ids[0].tolist(), theirs))
        assert output.details["prompt_tokens"] == ids.shape[1]
        assert "dropped" not in output.details
        assert "cut" not in output.details

    def test_a_seed_gives_one_answer_and_another_seed_another(self, model: LoadedText):
        asked = ASKED.model_copy(update={"temperature": 1.2})
        made = [answered(model, asked.model_copy(update={"seed": s})).media for s in (5, 5, 6)]
        assert made[0] == made[1] != made[2]

    def test_it_stops_within_a_token(self, model: LoadedText):
        events = chat_lm.ANSWERS[ChatText](model, ASKED)
        with Forwards(model.network) as forwards:
            while not isinstance(next(events), Preview):
                pass
            told = forwards.count
            events.close()
            assert forwards.count == told

    @pytest.mark.parametrize("blank", [" \n", '[{"role": "user", "content": " "}]'])
    def test_there_must_be_something_to_answer(self, blank: str, model: LoadedText):
        with pytest.raises(InvalidRequest) as caught:
            answered(model, ChatText.ask(messages=blank))
        assert "Write something" in caught.value.text.en
        assert "请写" in caught.value.text.zh

    def test_braces_and_markup_of_a_visitor_arrive_as_they_are(self, model: LoadedText):
        script = Scripted.of(model, "x", "y")
        odd = "{text} {0} <b>{{ messages }}</b> {% for %}"
        answered(script, ChatText.ask(messages=odd))
        answered(script, SummariseText.ask(text=odd))
        assert all(odd in prompt for prompt in script.prompts)


class TestLongConversations:
    def test_the_oldest_go_and_it_is_told(self, model: LoadedText):
        old = [
            {"role": role, "content": f"{place}: " + "灯塔 " * 12}
            for place in range(10)
            for role in ("user", "assistant")
        ]
        script = Scripted.of(model, "Here.")
        asked = ASKED.model_copy(update={"messages": json.dumps([*old, *TALK])})
        events = events_of(script, asked)
        dropped = finished(events).details["dropped"]
        assert dropped % 2 == 0
        assert 0 < dropped < len(old)
        assert events[0] == Progress(0, events[0].total, DROPPED.fill(count=dropped))  # type: ignore[union-attr]
        turns = [{"role": "system", "content": "Be brief."}, *old[dropped:], *TALK]
        read = templated(model, turns)
        assert script.prompts == [model.text_of(read)]
        assert len(read) <= model.context - 24
        # One pair more would have been too long.
        turns[1:1] = old[dropped - 2 : dropped]
        assert len(templated(model, turns)) > model.context - 24

    def test_a_last_message_that_has_no_room_is_cut_from_the_left(self, model: LoadedText):
        script = Scripted.of(model, "Here.")
        long = "灯塔 " * 200 + "the end"
        messages = [*TALK[:2], {"role": "user", "content": long}]
        events = events_of(
            script, ChatText.ask(messages=json.dumps(messages), system="Be brief.", tokens=24)
        )
        details = finished(events).details
        assert details["dropped"] == 2
        assert details["cut"] > 0
        assert details["prompt_tokens"] <= model.context - 24
        assert details["prompt_tokens"] > model.context - 24 - 12
        (prompt,) = script.prompts
        assert "Be brief." in prompt
        assert "the end" in prompt
        notes = [event.note for event in events if isinstance(event, Progress)]
        assert notes[:2] == [DROPPED.fill(count=2), CUT.fill(count=details["cut"])]

    def test_a_long_document_keeps_its_beginning(self, model: LoadedText):
        script = Scripted.of(model, "Short.")
        text = "Once. " + "灯塔 " * 300
        output = answered(script, SummariseText.ask(text=text, tokens=32))
        (prompt,) = script.prompts
        assert "Once. " in prompt
        assert output.details["cut"] > 0
        assert output.details["prompt_tokens"] <= model.context - 32

    def test_instructions_without_room_are_refused(self, model: LoadedText):
        with pytest.raises(InvalidRequest) as caught:
            answered(model, ASKED.model_copy(update={"system": "灯塔" * 200}))
        assert str(model.context - 24) in caught.value.text.zh


class TestTemplates:
    def test_instructions_open_the_first_message_where_a_template_knows_no_system(
        self, model: LoadedText
    ):
        import copy

        tokenizer = copy.deepcopy(model.tokenizer)
        tokenizer.chat_template = (
            "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
            + tokenizer.chat_template
        )
        script = Scripted.of(model, "Yes.", tokenizer=tokenizer)
        answered(script, ASKED)
        assert "user\nBe brief.\n\nWho are you?" in script.prompts[0]

    def test_a_template_that_refuses_is_told(self, model: LoadedText):
        import copy

        tokenizer = copy.deepcopy(model.tokenizer)
        tokenizer.chat_template = "{{ raise_exception('never <b>') }}"
        with pytest.raises(InvalidRequest) as caught:
            answered(replace(model, tokenizer=tokenizer), ASKED)
        assert "never ‹b›" in caught.value.text.en


class TestThinking:
    def test_thoughts_are_apart_while_they_come(self, thinker: LoadedText):
        said = "<think>\nThe sea, 灯塔?\n</think>\n\nAt the sea."
        script = Scripted.of(thinker, said)
        events = events_of(script, ASKED.model_copy(update={"thinking": True, "tokens": 200}))
        assert finished(events).media == Writing("At the sea.", "The sea, 灯塔?")
        told = previews(events)
        assert any(one.thinking and not one.text for one in told)
        assert not any("<" in one.thinking + one.text for one in told)
        assert "<think>" not in script.prompts[0]

    def test_a_model_that_is_not_to_think_has_thought_already(self, thinker: LoadedText):
        script = Scripted.of(thinker, "At the sea.")
        assert answered(script, ASKED).media == Writing("At the sea.")
        assert script.prompts[0].endswith("<think>\n\n</think>\n\n")

    def test_thoughts_that_begin_in_the_prompt_and_never_end(self, thinker: LoadedText):
        import copy

        tokenizer = copy.deepcopy(thinker.tokenizer)
        tokenizer.chat_template = tokenizer.chat_template + "<think>\n"
        script = Scripted.of(thinker, "I wonder", "Hm.</think>Yes.", tokenizer=tokenizer)
        asked = ASKED.model_copy(update={"thinking": True})
        assert answered(script, asked).media == Writing("", "I wonder")
        assert answered(script, asked).media == Writing("Yes.", "Hm.")


class TestTasks:
    def test_a_summary_is_asked_for_in_the_language_of_the_text(self, model: LoadedText):
        script = Scripted.of(model, "It stands.", "它站着。")
        assert answered(script, SummariseText.ask(text=PASSAGE)).media == Writing("It stands.")
        answered(script, SummariseText.ask(text="灯塔站在海边。", sentences=1))
        english, chinese = script.prompts
        assert "at most 2 sentences" in english
        assert "一句话" in chinese
        assert not any(word in chinese for word in ("Summarise", "sentence"))

    def test_an_answer_tells_what_supports_it(self, model: LoadedText):
        script = Scripted.of(model, "In 1850.\nQuote: “It was built in 1850.”")
        asked = AnswerQuestion.ask(passage=PASSAGE, question="When was it built?")
        events = events_of(script, asked)
        output = finished(events)
        assert output.media == Writing("In 1850.")
        ((start, end),) = output.details["quotes"]
        assert PASSAGE[start:end] == "It was built in 1850"
        assert previews(events)[-1] == Writing("In 1850.")
        assert not any("built" in one.text for one in previews(events))
        assert PASSAGE in script.prompts[0]

    def test_what_the_passage_does_not_say_has_no_support(self, model: LoadedText):
        script = Scripted.of(model, "The passage does not say.")
        output = answered(script, AnswerQuestion.ask(passage=PASSAGE, question="Who paid?"))
        assert output.details["quotes"] == []

    @pytest.mark.parametrize(("to", "word"), [("zh", "译成中文"), ("en", "into English")])
    def test_a_translation_tells_its_tokens(self, to: str, word: str, model: LoadedText):
        script = Scripted.of(model, "灯塔 tower")
        output = answered(script, TranslateText.ask(text="lighthouse", to=to))
        assert output.media == Writing("灯塔 tower")
        assert "".join(output.details["source"]) == "lighthouse"
        assert "".join(output.details["tokens"]) == "灯塔 tower"
        assert (output.details["others"], output.details["left_out"]) == ([], "")
        assert word in script.prompts[0]

    def test_a_translation_takes_no_chances(self, model: LoadedText):
        made = [answered(model, TranslateText.ask(text="The sea")).media for _ in range(2)]
        assert made[0] == made[1]

    @pytest.mark.parametrize("genre", ["story", "news", "poem", "script"])
    def test_a_text_to_a_brief_is_of_its_genre(self, genre: str, model: LoadedText):
        script = Scripted.of(model, "Night.", "夜。")
        output = answered(script, WriteText.ask(brief="A keeper.", genre=genre))
        assert output.media == Writing("Night.")
        assert "outline" not in output.details
        answered(script, WriteText.ask(brief="守塔人", genre=genre))
        assert genre in script.prompts[0].lower()
        assert "请按要求写" in script.prompts[1]

    def test_a_poem_is_told_its_form_and_its_form_is_checked(self, model: LoadedText):
        good = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
        script = Scripted.of(model, good, "白日依山尽。")
        asked = ComposePoem.ask(form="5", first_line=" 白日", heads="白黄")
        output = answered(script, asked)
        assert output.media == Writing("白日依山尽，\n黄河入海流。\n欲穷千里目，\n更上一层楼。")
        assert output.details["form"] == "kept"
        assert output.details["rhyme"]
        assert answered(script, asked).details["form"] == "Lines: 1 instead of 4."
        assert all(told in script.prompts[0] for told in ("五言绝句", "“白日”开头", "“白、黄”"))
        nothing = Scripted.of(model, good)
        assert "instead of 7" in answered(nothing, ComposePoem.ask()).details["form"]
        assert "七言" in nothing.prompts[0]
        assert "藏头" not in nothing.prompts[0]
        assert "押韵" not in nothing.prompts[0]
        with pytest.raises(InvalidRequest):
            answered(nothing, ComposePoem.ask(heads="春江花月夜"))

    def test_the_real_model_answers_each(self, model: LoadedText):
        for kind in CHATTING:
            asked = kind.ask(temperature=1.0) if "temperature" in kind.model_fields else kind.ask()
            less = {"tokens": 6} if "tokens" in kind.model_fields else {}
            assert answered(model, asked.model_copy(update=less)).details["tokens"]
