"""Translation word by word, with a lexicon learned from pairs of sentences: what anybody could do.

The lexicon is IBM's Model 1 (Brown et al. 1993, https://aclanthology.org/J93-2003): every word f of
a sentence was written from some word e of its counterpart, or from none (the empty word), each of
them as likely as another, so

    p(f_1 .. f_m | e_0 .. e_n)  ~  prod_j sum_i t(f_j | e_i)

and t is found by expectation maximisation: the words from which each f may come share it in
proportion to t; from these shares t is counted anew. Each round makes the pairs likelier, and the
best t is the same from any start.

A translation is then each word's likeliest counterpart, in the order of the source. How good that
is depends on what counts as a word. Chinese, which has no spaces, is cut into words by byte pair
encoding over the training sentences; the tokens of a network are smaller and say less alone.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from aigc_core.data.tatoeba import Pair
from aigc_core.families.translator import OTHER, SPACE
from aigc_core.text import Language

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ROUNDS = 8
# Of Chinese words, single characters included.
CHINESE_WORDS = 8_000
ENGLISH = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|\d+(?:[.:,]\d+)*|[^\w\s]|\w")
CLOSING = re.compile(r" (?=[.,!?;:%)\]])")
NOTHING = ""


def lexicon(
    pairs: Sequence[tuple[Sequence[str], Sequence[str]]],
    *,
    rounds: int = ROUNDS,
    empty: bool = True,
) -> dict[str, dict[str, float]]:
    """t(f | e) of Model 1, by e and then f.

    Args:
        pairs: the words e and f of each pair of sentences.
        empty: whether words f may come from no word, which is then `NOTHING`.
    """
    sources, targets = dict[str, int](), dict[str, int]()
    e, f, place = list[int](), list[int](), list[int]()
    places = 0
    for source, target in pairs:
        heads = [
            sources.setdefault(w, len(sources)) for w in ([NOTHING] if empty else []) + [*source]
        ]
        for word in target:
            e += heads
            f += [targets.setdefault(word, len(targets))] * len(heads)
            place += [places] * len(heads)
            places += 1
    keys, kind = np.unique(np.array(e) * len(targets) + np.array(f), return_inverse=True)
    head, at = keys // max(1, len(targets)), np.array(place)
    t = np.ones(len(keys))
    for _ in range(rounds):
        chance = t[kind]
        share = chance / np.bincount(at, chance)[at]
        counts = np.bincount(kind, share, len(keys))
        t = counts / np.bincount(head, counts)[head]
    names, made = list(targets), {word: dict[str, float]() for word in sources}
    words = list(sources)
    for key, value in zip(keys.tolist(), t.tolist(), strict=True):
        made[words[key // len(names)]][names[key % len(names)]] = value
    return made


class Units(Protocol):
    """What a sentence consists of."""

    def cut(self, sentence: str, language: Language, /) -> list[str]: ...

    def join(self, units: Sequence[str], language: Language, /) -> str: ...


class Words:
    """Words and marks; Chinese words are runs of characters that often go together.

    Args:
        sentences: Chinese ones, from which its words are learned.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self.chinese = learn_words(sentences)

    def cut(self, sentence: str, language: Language) -> list[str]:
        if language == "zh":
            return list(self.chinese.encode(sentence).tokens)
        return [w if w.split("'")[0] == "I" else w.lower() for w in ENGLISH.findall(sentence)]

    def join(self, units: Sequence[str], language: Language) -> str:
        if language == "zh":
            return "".join(units)
        text = CLOSING.sub("", " ".join(units))
        return text[:1].upper() + text[1:]


class Tokens:
    """The tokens that a translator from scratch reads and writes: pieces of words, characters."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self.tokenizer = tokenizer

    def cut(self, sentence: str, _language: Language) -> list[str]:
        return list(self.tokenizer.encode(sentence).tokens)

    def join(self, units: Sequence[str], _language: Language) -> str:
        return "".join(units).replace(SPACE, " ").strip()


@dataclass
class WordByWord:
    """A translator of single words, or of other units.

    Args:
        best: of each its likeliest counterpart.
        to: the language it writes.
    """

    best: dict[str, str]
    to: Language
    units: Units

    def translate(self, sentence: str) -> str:
        """The counterparts of all that it knows, in their order."""
        found = [self.best.get(unit) for unit in self.units.cut(sentence, OTHER[self.to])]
        return self.units.join([unit for unit in found if unit is not None], self.to)


def learn(pairs: Sequence[Pair], to: Language, units: Units) -> WordByWord:
    """A translator learned from pairs of sentences."""
    english = [units.cut(pair.english, "en") for pair in pairs]
    chinese = [units.cut(pair.chinese, "zh") for pair in pairs]
    sides = (english, chinese) if to == "zh" else (chinese, english)
    table = lexicon(list(zip(*sides, strict=True)))
    best = {e: max(row, key=row.__getitem__) for e, row in table.items() if e != NOTHING}
    return WordByWord(best, to, units)


def learn_words(sentences: Iterable[str]) -> "Tokenizer":
    """A tokenizer whose tokens are Chinese words, found by byte pair encoding."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s+"), "removed"),
            pre_tokenizers.Split(Regex(r"[^\p{Han}\w]|\d+|[A-Za-z]+"), "isolated"),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=CHINESE_WORDS, min_frequency=5, max_token_length=4, show_progress=False
    )
    made.train_from_iterator(sentences, trainer)
    return made
