from collections.abc import Iterator
from dataclasses import replace

import pytest

from aigc_core.events import Finished, Output, Preview, Progress
from aigc_core.families import chat_lm
from aigc_core.families.causal_lm import load
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.long_writing import body_of, titles_of
from aigc_core.media import Writing
from aigc_core.tasks import WriteText
from tests.families.scripted import Scripted
from tests.families.test_causal_lm import Downloaded, placement

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")

OUTLINE = "1. The bottle\n2. The letter\n3. The light"
PARTS = ("It came at night.", "The letter\n\nDear keeper.", "He lit the lamp. 灯。")
WHOLE = (
    "The bottle\n\nIt came at night.\n\nThe letter\n\nDear keeper.\n\nThe light\n\n"
    "He lit the lamp. 灯。"
)
ASKED = WriteText.ask(brief="A keeper.", parts=3, tokens=90)


@pytest.fixture(scope="module")
def model(downloaded: Downloaded) -> Iterator[LoadedText]:
    made = load(downloaded("qwen3"), placement())
    yield made
    made.close()


def made(model: LoadedText, request: WriteText) -> tuple[Output, list[Writing], list[Progress]]:
    events = list(chat_lm.ANSWERS[WriteText](model, request))
    (*told, last) = events
    assert isinstance(last, Finished)
    shown = [event.media for event in told if isinstance(event, Preview)]
    return (
        last.outputs[0],
        [media for media in shown if isinstance(media, Writing)],
        [event for event in told if isinstance(event, Progress)],
    )


def test_the_parts_follow_the_outline_and_are_joined(model: LoadedText):
    script = Scripted.of(model, OUTLINE, *PARTS, context=4000)
    output, _, told = made(script, ASKED)
    assert output.media == Writing(WHOLE)
    assert output.details["outline"] == ["The bottle", "The letter", "The light"]
    assert output.details["ended"] == "by itself"
    count = sum(len(model.encode(part)) for part in PARTS)
    assert output.details["tokens"] == count
    notes = list(dict.fromkeys(event.note.zh for event in told))
    assert [note for note in notes if "部分" in note] == [
        f"正在写第 {place} 部分，共 3 部分" for place in (1, 2, 3)
    ]


def test_each_part_is_written_with_the_outline_and_the_text_so_far_in_view(model: LoadedText):
    script = Scripted.of(model, OUTLINE, *PARTS, context=4000)
    made(script, ASKED)
    outline, *sections = script.prompts
    assert "exactly 3 lines" in outline
    assert all(OUTLINE in section for section in sections)
    assert "so far" not in sections[0]
    assert "It came at night." in sections[1]
    assert "Dear keeper." in sections[2]
    assert ["last part" in section for section in sections] == [False, False, True]


def test_where_there_is_no_room_the_end_of_the_text_is_in_view(model: LoadedText):
    parts = ("灯塔 " * 60 + "end of one.", "灯塔 " * 60 + "end of two.", "End.")
    script = Scripted.of(model, OUTLINE, *parts, context=1100)
    output, *_ = made(script, ASKED.model_copy(update={"tokens": 450}))
    assert output.details["cut"] > 0
    assert "end of two." in script.prompts[3]
    assert "The bottle\n\n" not in script.prompts[3]
    assert "It is the last part" in script.prompts[3]
    assert all(len(model.encode(prompt)) <= 650 for prompt in script.prompts)


def test_previews_hold_the_whole_text_so_far(model: LoadedText):
    script = Scripted.of(model, OUTLINE, *PARTS, context=4000)
    _, shown, _ = made(script, ASKED)
    # Those of the outline come first.
    outlined = shown.index(Writing(OUTLINE)) + 1
    texts = [media.text for media in shown[outlined:]]
    assert texts[-1] == WHOLE
    assert all(WHOLE.startswith(text.rstrip()) for text in texts)


def test_a_poem_has_stanzas_without_titles(model: LoadedText):
    script = Scripted.of(model, OUTLINE, "Sea\nsea", "Lamp\nlamp", "Night\nnight", context=4000)
    output, *_ = made(script, ASKED.model_copy(update={"genre": "poem"}))
    assert output.media == Writing("Sea\nsea\n\nLamp\nlamp\n\nNight\nnight")


def test_an_end_at_the_limit_of_any_part_is_told(model: LoadedText):
    script = Scripted.of(model, OUTLINE, *PARTS, context=4000)
    output, *_ = made(script, ASKED.model_copy(update={"tokens": 4}))
    assert output.details["ended"] == "at the limit"
    assert output.details["tokens"] == 12


def test_each_part_has_chances_of_its_own(model: LoadedText):
    asked = ASKED.model_copy(update={"temperature": 1.5, "tokens": 12})
    # It writes titles of a hundred tokens, which are in view for every part.
    roomy = replace(model, context=2000)
    first, again = made(roomy, asked)[0], made(roomy, asked)[0]
    other = made(roomy, asked.model_copy(update={"seed": 1}))[0]
    assert first.media == again.media != other.media
    assert len(first.details["outline"]) == 3


@pytest.mark.parametrize(
    "said",
    [
        OUTLINE,
        "Here is the outline:\n\n1) **The bottle**\n2) **The letter**\n3) **The light**\nEnjoy!",
        "Part 1: The bottle\nPart 2: The letter\nPart 3: The light",
        "- The bottle\n- The letter\n- The light",
        "## The bottle\n\n## “The letter”\n## The light\n## More",
        "I. The bottle\nII. The letter\nIII. The light",
    ],
)
def test_outlines_are_read_as_models_write_them(said: str):
    assert titles_of(said, ASKED) == ["The bottle", "The letter", "The light"]


def test_chinese_outlines():
    asked = WriteText.ask(brief="守塔人捡到一封信", parts=3)
    for said in (
        "1. 瓶子\n2. 信\n3. 灯",
        "一、瓶子\n二、信\n三、灯",
        "第一部分：《瓶子》\n第二部分：《信》\n第三部分：《灯》",
    ):
        assert titles_of(said, asked) == ["瓶子", "信", "灯"]
    assert titles_of("瓶子", asked) == ["瓶子", "第 2 部分", "第 3 部分"]
    assert titles_of("", ASKED) == ["Part 1", "Part 2", "Part 3"]


@pytest.mark.parametrize(
    "text", ["**The light**\n\nHe lit.", "3. The light:\nHe lit.", "He lit.", " He lit.\n"]
)
def test_a_part_does_without_its_title(text: str):
    assert body_of(text, "The light") == "He lit."
