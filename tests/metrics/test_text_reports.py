"""The whole way from a small random checkpoint through the engine to a card, for text models."""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from aigc_core.data import tang
from aigc_core.data.tang import Poem
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.metrics import many_poems, publish, report_shakespeare, report_tang
from aigc_core.metrics.__main__ import main
from aigc_core.metrics.card import Card, read_card
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.kinds import PLAYS, VERSE, kind_of
from aigc_core.metrics.poems import bare
from aigc_core.metrics.writings import written
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.models.char_transformer import CharTransformer
from aigc_core.training import recipes
from aigc_core.training.language import NextCharacter
from tests.metrics.small_models import offer

PLAY = (
    "ROMEO:\nO, speak again, bright angel! for thou art\nAs glorious to this night.\n\n"
    "JULIET:\nO Romeo, Romeo! wherefore art thou Romeo?\nDeny thy father and refuse thy name.\n\n"
)
TRAIN, TEST = PLAY * 20, "JULIET:\nSpeak, angel! Thou art again my father, bright Romeo.\n\n" * 40
POEMS = (
    "床前看月光，疑是地上霜。举头望山月，低头思故乡。",
    "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。",
    "朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。",
)
SIGNS = "\n57，。" + "".join(sorted(set("".join(POEMS)) - set("，。")))
NETWORKS = {
    "transformer-shakespeare": (
        lambda letters: CharTransformer(
            vocabulary=letters, context=32, width=16, layers=1, heads=2
        ),
        "char_lm",
    ),
    "lstm-shakespeare": (
        lambda letters: CharLSTM(vocabulary=letters, embedding=8, width=8, layers=1),
        "char_lm",
    ),
    "transformer-tang": (
        lambda _: CharTransformer(vocabulary=SIGNS, context=40, width=16, layers=1, heads=2),
        "quatrains",
    ),
    # Poems do not fit into its context.
    "decided": (
        lambda _: decided(
            CharTransformer(vocabulary=SIGNS, context=12, width=16, layers=1, heads=2)
        ),
        "quatrains",
    ),
}


def decided(network: nn.Module) -> nn.Module:
    """A network whose weights are larger than at the start, so that it is not undecided."""
    for weight in network.parameters():
        weight.data.mul_(6)
    return network


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A catalog of small networks that were never trained."""
    home = tmp_path_factory.mktemp("checkpoints")
    letters = "".join(sorted({*TRAIN, *TEST}))
    models = {}
    for id, (make, family) in NETWORKS.items():
        torch.manual_seed(0)
        recipe = recipes.find("transformer-tang" if id == "decided" else id)
        models[id] = family, make(letters), recipe
    catalog = offer(home, models)

    find = recipes.find

    def small(id: str):
        make = NETWORKS[id][0]
        window = np.zeros((50, 33), np.uint8)

        def game() -> NextCharacter:
            return NextCharacter(make(letters))

        return replace(find(id), objective=game, data=lambda: (window,))

    def plays(split: str) -> str:
        return TRAIN if split == "train" else TEST

    def poems(split: str) -> tuple[Poem, ...]:
        chosen = POEMS[:2] if split == "train" else POEMS[1:]
        return tuple(Poem("", "", text) for text in chosen)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_CATALOG", str(catalog))
        patch.setattr(publish.recipes, "find", small)
        patch.setattr(report_shakespeare, "load_shakespeare", plays)
        patch.setattr(report_shakespeare, "LENGTH", 60)
        patch.setattr(report_tang, "load_quatrains", poems)
        yield home


@pytest.fixture(scope="module")
def plays(home: Path) -> Card:
    made = report_shakespeare.report("transformer-shakespeare", 4, 3)
    assert read_card(home / "transformer-shakespeare") == made
    return made


@pytest.fixture(scope="module")
def verse(home: Path) -> Card:
    made = report_tang.report("transformer-tang", 10, 0)
    assert read_card(home / "transformer-tang") == made
    return made


def test_an_untrained_model_costs_what_guessing_does(plays: Card):
    letters = len({*TRAIN, *TEST})
    nats = plays.figure("nats_char")
    assert nats is not None
    assert nats.value == pytest.approx(log(letters), abs=0.1)
    assert nats.args["n"] == len(TEST) - 1
    assert nats.args["context"] == 32
    assert plays.figure("nats_char_sliding").args["stride"] == 4
    assert plays.figure("bits_char").value == pytest.approx(nats.value / log(2), rel=1e-5)
    assert plays.figure("perplexity").value == pytest.approx(np.exp(nats.value), rel=1e-4)
    assert kind_of(plays) is PLAYS


def test_a_recurrent_model_has_no_window(home: Path):
    card = report_shakespeare.report("lstm-shakespeare", 2, 0)
    assert card.figure("nats_char_sliding") is None
    assert card.figure("nats_char").args["context"] == "whole"
    assert "kept its state" in card.text
    assert "一直保持其状态" in card.text


def test_what_is_copied_stands_beside_unseen_text(plays: Card):
    known, longest = plays.figure("known_words"), plays.figure("longest_copy")
    words = {w.lower() for w in re.findall(r"[A-Za-z]+", TEST)}
    assert words & {w.lower() for w in re.findall(r"[A-Za-z]+", TRAIN)} != words
    assert 0 <= known.value < known.floor < 1
    assert longest.value < longest.floor
    assert known.args["seed"] == 3
    assert known.args["n"] == 4


def test_the_nats_have_their_ladder(plays: Card):
    rungs = {rung.step: rung for rung in plays.ladder}
    assert rungs["uniform"].value == pytest.approx(log(len({*TRAIN, *TEST})), rel=1e-4)
    assert rungs["uniform"].value > rungs["unigram"].value > rungs["bigram"].value
    assert rungs["nanogpt-gpu"].value == 1.4697
    assert "source" in rungs["nanogpt-gpu"].args
    assert f"| the character before | {len(TEST) - 1:,} |" in plays.text
    assert "[published](https://github.com/karpathy/nanoGPT#quick-start)" in plays.text


def test_the_form_is_kept_by_force_alone(verse: Card):
    assert verse.figure("form_kept").value == 0
    assert verse.figure("form_kept_bound").value == 1
    assert verse.figure("form_kept").floor == 1
    assert verse.figure("form_kept").args["temperature"] == 1.0
    assert verse.figure("form_kept_cool").args["temperature"] == 0.9
    assert verse.figure("form_kept_bound").args["keep_form"] is True
    assert verse.figure("form_kept_bound").args["form_kept_7"] == 1
    assert kind_of(verse) is VERSE


def test_poems_cost_what_guessing_does(verse: Card):
    for name in ("nats_char", "nats_hanzi"):
        assert verse.figure(name).value == pytest.approx(log(len(SIGNS)), abs=0.2)
    # Two unseen poems: of 25 and 33 characters after the sign of the form, 8 of them marks.
    assert verse.figure("nats_char").args["n"] == 25 + 33
    assert verse.figure("nats_hanzi").args["n"] == 20 + 28
    # One of them is a training poem.
    assert verse.figure("copied_poems").floor == 0.5


@pytest.mark.parametrize("name", ["plays", "verse"])
def test_the_card_is_whole_in_both_languages(name: str, request: pytest.FixtureRequest):
    card: Card = request.getfixturevalue(name)
    english, chinese = card.text.split("## 中文")
    for part in (english, chinese):
        assert f"python -m aigc_core.metrics {card.model} --count" in part
        assert "```text\n" in part
        assert f"**{card.model}**" in part
    assert f"Small {card.model}" in english
    assert f"小{card.model}" in chinese
    assert "pictures" not in english
    assert "图" not in chinese
    for figure in card.figures:
        metric = METRICS[figure.name]
        assert metric.says.en in english
        assert metric.says.zh in chinese
        assert figure.args["weights"].startswith("sha256:")
    for block in card.text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"temperature": 1.0, "keep_form": False},
        {"temperature": 0.9},
        {"temperature": 0.9, "rhyming": True},
    ],
)
def test_poems_drawn_together_are_those_of_the_engine(
    asked: dict, home: Path, monkeypatch: pytest.MonkeyPatch
):
    # The last batch is smaller, and poems of both forms stand in one.
    monkeypatch.setattr(many_poems, "BATCH", 4)
    requests = report_tang.wishes(["5", "7", "7", "5", "7"], 20, asked)
    engine = Engine.default(batching=False)
    alone = [bare(text) for text in written(engine, "decided", requests)]
    model = many_poems.loaded(engine.catalog.find("decided"))
    assert many_poems.compose(model, requests) == alone


def test_samples_are_those_of_the_seeds(verse: Card, home: Path):
    model = many_poems.loaded(Engine.default().catalog.find("transformer-tang"))
    requests = report_tang.wishes(["5", "7"], 0, {"keep_form": True})
    poems = many_poems.compose(model, requests)
    assert all(poem in verse.text for poem in poems)
    assert [len(poem) for poem in poems] == [24, 32]


@pytest.mark.parametrize("count", [0, 101])
def test_a_count_out_of_bounds_is_refused(count: int, home: Path):
    with pytest.raises(InvalidRequest, match="from 1 to 100"):
        report_shakespeare.report("transformer-shakespeare", count)
    with pytest.raises(InvalidRequest, match="from 10 to 10000"):
        report_tang.report("transformer-tang", count * 100_000)


def test_the_command_knows_what_a_model_is(home: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["transformer-tang", "--count", "10", "--lang", "zh"]) == 0
    printed = capsys.readouterr().out
    assert "未见过的诗" in printed
    assert "前 1 个字符" in printed


def test_a_model_from_elsewhere_has_no_card(capsys: pytest.CaptureFixture[str]):
    assert main(["qwen3-0.6b"]) == 2
    assert "only models that were trained here" in capsys.readouterr().err


def test_the_split_is_that_of_the_data():
    assert tang.TEST_SHARE == 20  # The protocol says so in words.
    assert "one in twenty" in report_tang.PROTOCOL.en
