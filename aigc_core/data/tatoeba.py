"""English and Chinese sentences that people paired on Tatoeba: 29,155 pairs.

Licence: CC BY 2.0 (France); who wrote each sentence stands in the file's third column, and at
https://tatoeba.org under the sentence's number. Chinese is turned into simplified characters with
OpenCC, since the file mixes both scripts.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.data.source import DataFile, open_file
from aigc_core.data.split import Split
from aigc_core.data.subwords import (
    END,
    START,
    TO_CHINESE,
    TO_ENGLISH,
    TOKENIZER,
    encoded,
    learn_subwords,
    number_of,
)
from aigc_core.text import Language

if TYPE_CHECKING:
    from opencc import OpenCC
    from tokenizers import Tokenizer

LICENCE = "CC BY 2.0 FR"
FILE = DataFile(
    "translation_en_zh/cmn.txt",
    "9da1af87e3e61650aa38595e60baef3a4e3a18ed239a7ef4a764c0a87c7ddeff",
    (
        "https://raw.githubusercontent.com/DaoChaShao/py-st-dl-translater-2.0/"
        "620408eda1721f683e2413778ad19e4f94691053/data/",
    ),
)
# One English sentence in thirty is for tests, with all its translations.
TEST_SHARE = 30
# Size of the vocabulary, and the most tokens of a side in training.
WORDS, LONGEST = 4_500, 30
STRAIGHT = str.maketrans("‘’“”", "''\"\"")
CURVED = str.maketrans("「」『』﹐＂", '“”‘’，"')
WIDE = dict(zip("?!,;:", "？！，；：", strict=True))


@dataclass(frozen=True)
class Pair:
    english: str
    chinese: str


@lru_cache(maxsize=2)
def load_pairs(split: Split, *, download: bool = True) -> tuple[Pair, ...]:
    """The pairs of a split.

    A pair is for tests by a hash of its English sentence. No sentence of a test, English or
    Chinese, stands in training, not even with other capitals or punctuation.

    Raises:
        DatasetMissing: the file is not on the disk, and was not to be, or could not be, fetched.
        CorruptFile: it does not have the published bytes.
    """
    lines = open_file(FILE, download=download).decode().splitlines()
    english, chinese, *_ = zip(*(line.split("\t") for line in lines), strict=True)
    pairs = [Pair(tidy(en, "en"), tidy(zh, "zh")) for en, zh in zip(english, chinese, strict=True)]
    tests = [pair for pair in pairs if held_out(pair.english)]
    if split == "test":
        return tuple(dict.fromkeys(tests))
    seen = {bare(pair.english) for pair in tests} | {bare(pair.chinese) for pair in tests}
    return tuple(
        dict.fromkeys(
            pair
            for pair in pairs
            if not held_out(pair.english) and not seen & {bare(pair.english), bare(pair.chinese)}
        )
    )


def tidy(sentence: str, language: Language) -> str:
    """A sentence as the pairs have it: one script, one kind of each mark, single spaces."""
    sentence = unicodedata.normalize("NFC", " ".join(sentence.split()))
    if language == "en":
        return sentence.translate(STRAIGHT)
    sentence = to_simplified().convert(sentence).translate(CURVED)
    sentence = re.sub('"([^"]*)"', r"“\1”", sentence)
    # Not within numbers, as in 7:30.
    return re.sub(r"[?!,;:](?!\d)", lambda mark: WIDE[mark[0]], sentence)


@lru_cache(maxsize=1)
def to_simplified() -> "OpenCC":
    """What turns traditional characters into simplified ones."""
    from opencc import OpenCC

    return OpenCC("t2s")


def held_out(english: str) -> bool:
    return int(hashlib.sha256(bare(english).encode()).hexdigest(), 16) % TEST_SHARE == 0


def bare(sentence: str) -> str:
    """A sentence without capitals, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", sentence).casefold()


@lru_cache(maxsize=1)
def tokenizer() -> "Tokenizer":
    """The vocabulary of both languages, learned from the training pairs."""
    pairs = load_pairs("train")
    return learn_subwords([text for pair in pairs for text in (pair.english, pair.chinese)], WORDS)


def files() -> dict[str, bytes]:
    """What ships with a network that was trained on `examples`."""
    return {TOKENIZER: tokenizer().to_str().encode()}


def examples() -> tuple[np.ndarray, np.ndarray]:
    """What recipes train on: each pair both ways, a row of numbers (n, 30) for each side.

    A source begins with the language to write, a target with the start, both end with the end;
    rows are filled up with -1. The few longer sentences are left out.
    """
    pairs, learned = load_pairs("train"), tokenizer()
    english = encoded(learned, [pair.english for pair in pairs])
    chinese = encoded(learned, [pair.chinese for pair in pairs])
    start, end, to_english, to_chinese = (
        number_of(learned, token) for token in (START, END, TO_ENGLISH, TO_CHINESE)
    )
    rows = [
        ([to, *source, end], [start, *target, end])
        for en, zh in zip(english, chinese, strict=True)
        for to, source, target in ((to_chinese, en, zh), (to_english, zh, en))
        if max(len(source), len(target)) <= LONGEST - 2
    ]
    sides = [np.full((len(rows), LONGEST), -1, np.int16) for _ in range(2)]
    for place, row in enumerate(rows):
        for side, numbers in zip(sides, row, strict=True):
            side[place, : len(numbers)] = numbers
    return sides[0], sides[1]
