"""How translations are measured, and the lexicon that they are compared with."""

import numpy as np
import pytest
import torch

from aigc_core.data.subwords import learn_subwords
from aigc_core.data.tatoeba import FILE, Pair, load_pairs, tokenizer
from aigc_core.families.translator import Translator
from aigc_core.metrics import translation
from aigc_core.metrics.translation import direction, evaluate_translation, score
from aigc_core.metrics.word_by_word import NOTHING, Tokens, Words, learn, lexicon
from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")
pytest.importorskip("sacrebleu")

# The corpus and the figures of Koehn 2009, Statistical Machine Translation, figure 4.4.
KOEHN = [
    (["das", "Haus"], ["the", "house"]),
    (["das", "Buch"], ["the", "book"]),
    (["ein", "Buch"], ["a", "book"]),
]
TABLE = {
    1: {"das the": 0.5, "das book": 0.25, "Buch book": 0.5, "ein a": 0.5, "Haus house": 0.5},
    2: {"das the": 0.6364, "das book": 0.1818, "Buch book": 0.6364, "Haus house": 0.5714},
    3: {"das the": 0.7479, "das book": 0.1208, "Buch book": 0.7479, "Haus house": 0.6534},
}
PAIRS = [
    Pair("The king is dead.", "国王死了。"),
    Pair("The queen is dead.", "王后死了。"),
    Pair("The king is well.", "国王安好。"),
    Pair("The queen is well.", "王后安好。"),
    Pair("Hello, king!", "国王，你好！"),
] * 6


@pytest.mark.parametrize("rounds", TABLE)
def test_model_1_gives_the_figures_of_the_textbook(rounds: int):
    found = lexicon(KOEHN, rounds=rounds, empty=False)
    for names, value in TABLE[rounds].items():
        e, f = names.split()
        assert found[e][f] == pytest.approx(value, abs=1e-4)


def test_in_the_end_every_word_has_its_counterpart():
    found = lexicon(KOEHN, rounds=60, empty=False)
    best = {e: max(row, key=row.__getitem__) for e, row in found.items()}
    assert best == {"das": "the", "Haus": "house", "Buch": "book", "ein": "a"}
    for row in found.values():
        assert sum(row.values()) == pytest.approx(1)


def test_each_round_makes_the_pairs_likelier():
    def likelihood(rounds: int) -> float:
        t = lexicon(KOEHN, rounds=rounds)
        return sum(
            np.log(np.mean([t[e].get(f, 0.0) for e in [NOTHING, *source]]))
            for source, target in KOEHN
            for f in target
        )

    found = [likelihood(rounds) for rounds in (1, 2, 4, 8, 16)]
    assert found == sorted(found)
    assert found[-1] > found[0] + 0.5


def test_words_that_often_go_together_are_one():
    words = Words(pair.chinese for pair in PAIRS)
    assert words.cut("国王死了。", "zh") == ["国王", "死了", "。"]
    assert words.cut("王后在3点死了!", "zh")[0] == "王后"
    assert words.cut("I'm The King, it's 3.50!", "en") == [
        "I'm", "the", "king", ",", "it's", "3.50", "!",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("to", "sentence", "wanted"),
    [("zh", "The queen is dead.", "王后死了。"), ("en", "国王安好。", "King well.")],
)
def test_what_it_learned_it_translates_word_by_word(to: str, sentence: str, wanted: str):
    words = Words(pair.chinese for pair in PAIRS)
    found = learn(PAIRS, to, words).translate(sentence)  # type: ignore[arg-type]
    assert sorted(set(wanted) - set(" .。")) == sorted(set(found) & set(wanted) - set(" .。"))
    assert learn(PAIRS, to, words).translate("Ω") == ""  # type: ignore[arg-type]


def test_the_models_own_tokens_are_words_too():
    units = Tokens(learn_subwords([s for p in PAIRS for s in (p.english, p.chinese)], 60))
    for sentence, language in (("The king is dead.", "en"), ("国王死了。", "zh")):
        assert units.join(units.cut(sentence, language), language) == sentence  # type: ignore[arg-type]
    assert set(learn(PAIRS, "zh", units).translate("The king.")) <= set("国王后死了安好，你！。")


class TestScores:
    @pytest.mark.parametrize(("to", "tok"), [("zh", "zh"), ("en", "13a")])
    def test_a_perfect_translation_has_all_points(self, to: str, tok: str):
        texts = {
            "zh": ["国王死了。", "王后也死了。"],
            "en": ["The king is dead.", "So is she now."],
        }
        found = score(texts[to], texts[to], to)  # type: ignore[arg-type]
        assert found.bleu == pytest.approx(100)
        assert found.chrf == pytest.approx(100)
        assert f"tok:{tok}|" in found.bleu_signature
        assert "nc:6" in found.chrf_signature

    def test_bleu_is_that_of_its_formula(self):
        # Characters: 6 of 7 runs of one, 4 of 6, 2 of 5 and 1 of 4; as long as the reference.
        made, wanted = "我们今天很高兴", "我们今天不高兴"
        shares = []
        for n in range(1, 5):
            runs = [made[i : i + n] for i in range(len(made) - n + 1)]
            shares.append(sum(run in wanted for run in runs) / len(runs))
        assert score([made], [wanted], "zh").bleu == pytest.approx(
            100 * np.prod(shares) ** 0.25, rel=1e-6
        )


def network(words: int) -> Seq2SeqTransformer:
    torch.manual_seed(0)
    return Seq2SeqTransformer(
        words=words, width=16, inner=16, layers=1, heads=2, dropout=0.0, longest=12
    ).eval()


def test_one_direction_is_measured_beside_its_baselines():
    made = learn_subwords([s for p in PAIRS for s in (p.english, p.chinese)], 60)
    translator = Translator(network(made.get_vocab_size()), made)
    found = direction(translator, PAIRS, PAIRS[:4], "zh", 2)
    assert found.made == tuple(translator.translate([p.english for p in PAIRS[:4]], "zh", beams=2))
    assert 0 <= found.model.bleu < found.word_by_word.bleu <= 100
    assert found.token_by_token.bleu < found.word_by_word.bleu


@pytest.mark.skipif(FILE.path() is None, reason="the pairs are not on this machine")
def test_both_directions_are_measured_on_the_pairs_for_tests(monkeypatch: pytest.MonkeyPatch):
    # A lexicon of a few pairs is learned sooner.
    monkeypatch.setattr(translation, "load_pairs", lambda split: load_pairs(split)[:400])
    translator = Translator(network(tokenizer().get_vocab_size()), tokenizer())
    into_chinese, into_english = evaluate_translation(translator, beams=1, count=3)
    assert (into_chinese.to, into_english.to) == ("zh", "en")
    pairs = load_pairs("test")[:3]
    wanted = translator.translate([pair.chinese for pair in pairs], "en", beams=1)
    assert into_english.made == tuple(wanted)
    assert into_english.word_by_word.chrf > into_english.model.chrf
