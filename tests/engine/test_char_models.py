"""Checkpoints of character models on the disk, from the request to the artifact."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.events import Preview
from aigc_core.media import Numbers, Writing
from aigc_core.tasks import (
    AttendText,
    ChatText,
    ComposePoem,
    ContinueText,
    RankHeads,
    Request,
    ScoreText,
    TraceText,
    WriteText,
)
from tests.families.characters import PROSE, VERSE, network

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

CLASSES = {"transformer": "char_transformer:CharTransformer", "lstm": "char_lstm:CharLSTM"}
FAMILIES = {
    ("lstm", PROSE): "char_lm",
    ("transformer", PROSE): "char_attention",
    ("lstm", VERSE): "quatrains",
    ("transformer", VERSE): "quatrains_attention",
}
COMMON = (ContinueText.ask(tokens=5), ScoreText.ask(), TraceText.ask(tokens=3))
VERSES = tuple(
    type(request).ask(**{field: "明月是天光，"})
    for request, field in zip(COMMON, ("prompt", "text", "prompt"), strict=True)
)
HEADS = (AttendText.ask(off="0.1"), RankHeads.ask())
VERSE_HEADS = (AttendText.ask(text="明月光"), RankHeads.ask(text="明月光"))
PLAYS = (ChatText.ask(tokens=5), WriteText.ask(genre="script", tokens=5))
POEMS = (ComposePoem.ask(rhyming=True), WriteText.ask(genre="poem", brief="明月"))
WISHES: dict[str, tuple[Request, ...]] = {
    "char_lm": (*COMMON, *PLAYS),
    "char_attention": (*COMMON, *PLAYS, *HEADS),
    "quatrains": (*VERSES, *POEMS),
    "quatrains_attention": (*VERSES, *POEMS, *VERSE_HEADS),
}


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    home = tmp_path_factory.mktemp("checkpoints")
    return {
        family: entry(home / family, kind, vocabulary, family)
        for (kind, vocabulary), family in FAMILIES.items()
    }


def entry(folder: Path, kind: str, vocabulary: str, family: str) -> Entry:
    network(kind, vocabulary, context=40).save_pretrained(folder)
    return Entry.model_validate(
        {
            "id": family,
            "title": {"en": family, "zh": family},
            "about": {"en": "Random weights.", "zh": "随机权重。"},
            "family": f"aigc_core.families.{family}",
            "origin": "scratch",
            "network": f"aigc_core.models.{CLASSES[kind]}",
            "folder": folder,
            "revision": digest(folder / WEIGHTS),
            "licences": {"weights": "Apache-2.0", "data": "none"},
        }
    )


@pytest.fixture
def engine(entries: dict[str, Entry], engine_of: Callable[..., Engine]) -> Engine:
    return engine_of(*entries.values())


@pytest.mark.parametrize("family", WISHES)
def test_every_wish_is_answered_the_same_twice(family: str, engine: Engine):
    for request in WISHES[family]:
        first, again = (made(engine, request, family) for _ in range(2))
        assert first.digest() == again.digest()
        assert isinstance(first.media, Writing | Numbers)
        assert (first.record.model, first.record.tolerance) == (family, 0.0)
        assert first.record.details == again.record.details


def made(engine: Engine, request: Request, family: str) -> Artifact:
    (artifact,) = engine.result(request, model=family).artifacts
    return artifact


def test_only_those_answer_that_can(engine: Engine):
    found = {
        request: {entry.id for entry in engine.models(request)}
        for request in (AttendText, ChatText, ComposePoem, ContinueText)
    }
    assert found == {
        AttendText: {"char_attention", "quatrains_attention"},
        ChatText: {"char_lm", "char_attention"},
        ComposePoem: {"quatrains", "quatrains_attention"},
        ContinueText: set(WISHES),
    }


def test_a_run_that_is_closed_gives_the_model_back(engine: Engine):
    request = ContinueText.ask(tokens=1000)
    events = engine.run(request, model="char_attention")
    while not isinstance(next(events), Preview):
        pass
    assert [state.refs for state in engine.loader.state()] == [1]
    events.close()
    assert [state.refs for state in engine.loader.state()] == [0]
    assert made(engine, ContinueText.ask(tokens=3), "char_attention")


def test_bad_wishes_are_told_in_both_languages(engine: Engine):
    for request, family in (
        (ContinueText.ask(prompt="🦉"), "char_lm"),
        (ComposePoem.ask(first_line="國破山河在"), "quatrains"),
        (AttendText.ask(off="9.9"), "char_attention"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            made(engine, request, family)
        assert caught.value.text.en != caught.value.text.zh


def test_a_model_of_prose_is_no_model_of_verse(
    entries: dict[str, Entry], engine_of: Callable[..., Any]
):
    changes = {"family": "aigc_core.families.quatrains"}
    wrong = Entry.model_validate({**entries["char_lm"].model_dump(), **changes})
    with pytest.raises(ModelUnavailable) as caught:
        made(engine_of(wrong), ComposePoem.ask(), "char_lm")
    assert "form" in caught.value.text.en
