"""What the words of some sentences say of them: counts, rarity, and how alike sentences are."""

import re
from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np

WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]+", re.IGNORECASE)
# Words that stand in most texts and say nothing of what one is about.
ENGLISH = (
    "a about after all also an and any are as at be because been before but by can could did do "
    "does for from had has have he her him his how i if in into is it its just may me might more "
    "most must my no not of on one only or other our out over own said same shall she should so "
    "some such than that the their them then there these they this those through to too under up "
    "us very was we were what when where which while who why will with would you your"
)
CHINESE = (
    "我 你 他 她 它 我们 你们 他们 的 了 是 在 和 有 也 就 都 而 及 与 着 或 这 那 什么 怎么 为什么"
)
COMMON = frozenset((*ENGLISH.split(), *CHINESE.split()))
# Of the endings of English words.
ENDINGS = re.compile(r"(?:'s|ies|ing|ed|es|s)$")


def terms(text: str) -> Counter[str]:
    """The words of a text that say something, and how often: English stems, Chinese pairs.

    Chinese has no spaces, so every two neighbouring characters count as a word, and a character
    that stands alone does.
    """
    found = Counter[str]()
    for word in WORD.findall(text.lower()):
        if word.isascii():
            if word not in COMMON:
                found[stem(word)] += 1
        else:
            pairs = [word[at : at + 2] for at in range(len(word) - 1)] or [word]
            found.update(pair for pair in pairs if pair not in COMMON)
    return found


def stem(word: str) -> str:
    """A word without its ending, roughly: `looks` is `look`, while `leaves` is not `leaf`.

    What is left has three letters at least.
    """
    short = ENDINGS.sub("", word)
    return short if len(short) >= 3 else word


def cosines(counted: Sequence[Counter[str]]) -> np.ndarray:
    """How alike sentences are, (n, n) in 0..1: the cosine of their TF-IDF vectors."""
    n = len(counted)
    holders = Counter(term for words in counted for term in words)
    names = {term: place for place, term in enumerate(holders)}
    vectors = np.zeros((n, max(1, len(names))), np.float32)
    for row, words in enumerate(counted):
        for term, count in words.items():
            vectors[row, names[term]] = count * log(1 + n / holders[term])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return np.asarray(vectors @ vectors.T)
