"""What a head of a Transformer usually looks at, measured on one text.

The kinds are those that studies of small models found again and again: heads that look at the token
before, at the token that followed the last time (induction heads, Olsson et al. 2022,
https://arxiv.org/abs/2209.11895), and heads that rest on the first token where they find nothing
(Xiao et al. 2023, https://arxiv.org/abs/2309.17453).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from aigc_core.text import Text

# A habit is told where the head gives it this much of its weight on average, and so many times what
# a head would that looks everywhere alike, over so many places at least.
STRONG, ABOVE, FEWEST = 0.35, 2.0, 4

Looks = Iterator[tuple[int, list[int]]]
"""Places, and for each the places before it that the habit is to look at."""


class Habit(NamedTuple):
    """What a head does, and its mean weight there."""

    name: Text
    weight: float


def previous(tokens: Sequence[str]) -> Looks:
    for t in range(1, len(tokens)):
        yield t, [t - 1]


def itself(tokens: Sequence[str]) -> Looks:
    for t in range(1, len(tokens)):
        yield t, [t]


def beginning(tokens: Sequence[str]) -> Looks:
    for t in range(2, len(tokens)):
        yield t, [0]


def same(tokens: Sequence[str]) -> Looks:
    for t, token in enumerate(tokens):
        if seen := [s for s in range(t) if tokens[s] == token]:
            yield t, seen


def followers(tokens: Sequence[str]) -> Looks:
    for t, token in enumerate(tokens):
        if seen := [s + 1 for s in range(t - 1) if tokens[s] == token]:
            yield t, seen


def word_start(tokens: Sequence[str]) -> Looks:
    """Where a word takes several tokens: its first, seen from the third on."""
    start = 0
    for t, token in enumerate(tokens):
        if token[:1].isspace():
            start = t if token.strip() else t + 1
        elif t - start > 1:
            yield t, [start]


def last_space(tokens: Sequence[str]) -> Looks:
    """The last token that is white space alone, where it is not the one before."""
    last = None
    for t, token in enumerate(tokens):
        if last is not None and t - last > 1:
            yield t, [last]
        if token and not token.strip():
            last = t


KINDS: tuple[tuple[Callable[[Sequence[str]], Looks], Text], ...] = (
    (previous, Text("looks at the previous {unit}", "看前一个{unit}")),
    (
        followers,
        Text(
            "looks at what came after the same {unit} earlier (induction)",
            "看前文中同一{unit}后面的{unit}（归纳头）",
        ),
    ),
    (same, Text("looks at earlier copies of the same {unit}", "看前文中相同的{unit}")),
    (word_start, Text("looks at the beginning of the word", "看单词的开头")),
    (last_space, Text("looks at the last space", "看上一个空格")),
    (itself, Text("looks at the {unit} itself", "看{unit}自身")),
    (beginning, Text("rests on the first {unit}", "停在第一个{unit}上")),
)
CHARACTER, TOKEN = Text("character", "字符"), Text("token", "词元")


def habit(weights: np.ndarray, tokens: Sequence[str]) -> Habit | None:
    """What one head does most on this text; None where nothing of the kind can be seen.

    Args:
        weights: (t, t), the weights that each place gives to the places up to itself.
    """
    unit = CHARACTER if all(len(token) <= 1 for token in tokens) else TOKEN
    found = [
        Habit(name.fill(unit=unit), weight)
        for looks, name in KINDS
        if (weight := mean(weights, looks(tokens))) >= STRONG
    ]
    return max(found, key=lambda one: one.weight, default=None)


def mean(weights: np.ndarray, looks: Looks) -> float:
    """The mean weight on a habit's places; 0 where it hardly differs from looking everywhere."""
    places = list(looks)
    if len(places) < FEWEST:
        return 0.0
    given = float(np.mean([weights[t, seen].sum() for t, seen in places]))
    alike = float(np.mean([len(seen) / (t + 1) for t, seen in places]))
    return given if given >= ABOVE * alike else 0.0
