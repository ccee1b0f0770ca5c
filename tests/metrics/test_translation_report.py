"""From a small random checkpoint to a translator's card."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aigc_core.data.subwords import TOKENIZER, learn_subwords
from aigc_core.data.tatoeba import Pair
from aigc_core.errors import InvalidRequest
from aigc_core.metrics import publish, report_translation, translation
from aigc_core.metrics.card import Card, read_card
from aigc_core.metrics.kinds import TRANSLATION, kind_of
from aigc_core.metrics.report_translation import cell, report
from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer
from aigc_core.training import recipes
from tests.metrics.small_models import offer

MODEL = "seq2seq-tatoeba"
TRAIN = tuple(
    Pair(f"{who} {does} {what}.", f"{wer}{tut}{was}。")
    for who, wer in (("I", "我"), ("You", "你"), ("He", "他"))
    for does, tut in (("see", "看见"), ("buy", "买"), ("want", "要"))
    for what, was in (("books", "书"), ("apples", "苹果"), ("water", "水"))
)
TEST = tuple(Pair(f"We see {n} apples.", f"我们看见{n}个苹果。") for n in range(12))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("checkpoints")
    learned = learn_subwords([text for pair in TRAIN for text in (pair.english, pair.chinese)], 120)
    words = learned.get_vocab_size()
    torch.manual_seed(0)
    network = Seq2SeqTransformer(words=words, width=8, inner=8, layers=1, heads=2, longest=12)
    recipe = recipes.find(MODEL)
    files = {TOKENIZER: learned.to_str().encode()}
    catalog = offer(home, {MODEL: ("seq2seq", network, replace(recipe, files=lambda: files))})

    class Objective:
        def __init__(self) -> None:
            self.players = {"model": network}

    def pairs(split: str) -> tuple[Pair, ...]:
        return TRAIN if split == "train" else TEST

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_CATALOG", str(catalog))
        patch.setattr(publish.recipes, "find", lambda _: replace(recipe, objective=Objective))
        for module in (report_translation, translation):
            patch.setattr(module, "load_pairs", pairs)
        yield home


@pytest.fixture(scope="module")
def card(home: Path) -> Card:
    made = report(MODEL)
    assert read_card(home / MODEL) == made
    return made


def test_both_directions_stand_beside_word_by_word(card: Card):
    assert kind_of(card) is TRANSLATION
    assert [figure.name for figure in card.figures] == [
        "bleu_en_zh", "chrf_en_zh", "bleu_zh_en", "chrf_zh_en",
    ]  # fmt: skip
    for figure in card.figures:
        assert figure.args["n"] == len(TEST)
        # Untrained, it is worse than a lexicon.
        assert 0 <= figure.value < figure.floor <= 100
    assert "tok:zh" in card.figure("bleu_en_zh").args["signature"]
    assert "tok:13a" in card.figure("bleu_zh_en").args["signature"]


def test_the_first_pairs_are_shown_as_they_come(card: Card):
    for pair in TEST[:10]:
        assert card.text.count(f"| {pair.english} | {pair.chinese} | ") == 2
    assert f"| {TEST[10].english} |" not in card.text


def test_the_text_names_licence_and_signatures(card: Card):
    for part in card.text.split("## 中文"):
        assert "CC BY 2.0 FR" in part
        assert "tok:zh" in part
        assert f"python -m aigc_core.metrics {MODEL} --count 12" in part
    assert "40 sentences, 0.7 times the training set" in card.text
    for block in card.text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1


@pytest.mark.parametrize("count", [9, 13])
def test_a_count_out_of_bounds_is_refused(count: int, home: Path):
    with pytest.raises(InvalidRequest, match="from 10 to 12"):
        report(MODEL, count)


def test_cells_cannot_break_the_table():
    assert cell("a|b <i>\\") == "a\\|b &lt;i>\\\\"
