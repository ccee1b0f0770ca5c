"""How near translations come to people's, measured as papers do it.

BLEU (Papineni et al. 2002) is the share of a translation's runs of one to four words that stand in
a person's translation too, made smaller where it is too short; Chinese words are characters here.
chrF (Popović 2015, https://aclanthology.org/W15-3049) is the F-score of runs of one to six
characters. Both by sacreBLEU (Post 2018, https://arxiv.org/abs/1804.08771), whose signature says
exactly how.
"""

from collections.abc import Sequence
from typing import NamedTuple

from aigc_core.data.tatoeba import Pair, load_pairs
from aigc_core.families.translator import Translator
from aigc_core.metrics.word_by_word import Tokens, Words, learn
from aigc_core.text import Language

BEAMS = 4


class Score(NamedTuple):
    """BLEU and chrF of a corpus, in 0..100, and the signatures of how they were reckoned."""

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str


class Direction(NamedTuple):
    """One direction's figures.

    Args:
        to: the language translated into.
        model: the model's.
        word_by_word: those of a translation word by word.
        token_by_token: the same with the model's own tokens for words.
        made: the model's translations, in the order of the pairs.
    """

    to: Language
    model: Score
    word_by_word: Score
    token_by_token: Score
    made: tuple[str, ...]


def score(made: Sequence[str], wanted: Sequence[str], to: Language) -> Score:
    """The score of translations against one reference each."""
    from sacrebleu.metrics import BLEU, CHRF

    bleu, chrf = BLEU(tokenize="zh" if to == "zh" else "13a"), CHRF()
    hypotheses, references = list(made), [list(wanted)]
    return Score(
        bleu.corpus_score(hypotheses, references).score,
        chrf.corpus_score(hypotheses, references).score,
        str(bleu.get_signature()),
        str(chrf.get_signature()),
    )


def evaluate_translation(
    translator: Translator, *, beams: int = BEAMS, count: int | None = None
) -> tuple[Direction, Direction]:
    """English into Chinese, and Chinese into English, over the pairs that are for tests.

    Args:
        count: how many pairs; None for all.

    Raises:
        DatasetMissing: the pairs are not on this machine and cannot be fetched.
    """
    train, test = load_pairs("train"), load_pairs("test")[:count]
    return direction(translator, train, test, "zh", beams), direction(
        translator, train, test, "en", beams
    )


def direction(
    translator: Translator,
    train: Sequence[Pair],
    test: Sequence[Pair],
    to: Language,
    beams: int,
) -> Direction:
    """One direction's figures; the lexicons are those of the training pairs."""
    sources, wanted = [pair.english for pair in test], [pair.chinese for pair in test]
    if to == "en":
        sources, wanted = wanted, sources
    made = translator.translate(sources, to, beams=beams)
    units = (Words(pair.chinese for pair in train), Tokens(translator.tokenizer))
    lexicons = [learn(train, to, unit) for unit in units]
    plain = [[lexicon.translate(sentence) for sentence in sources] for lexicon in lexicons]
    words, tokens = (score(sentences, wanted, to) for sentences in plain)
    return Direction(to, score(made, wanted, to), words, tokens, tuple(made))
