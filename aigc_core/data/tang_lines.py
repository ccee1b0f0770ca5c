"""Single lines of the Tang quatrains, of five or of seven characters each."""

import re
from collections.abc import Sequence

import numpy as np

from aigc_core.data.split import Split
from aigc_core.data.tang import NOTHING, load_quatrains, vocabulary
from aigc_core.verse import LENGTHS

LONGEST = LENGTHS[-1]
# Of the quatrains' signs, what begins the vocabulary: the end, two of the form, two of punctuation.
SIGNS = 5


def load_lines(split: Split) -> tuple[str, ...]:
    """The lines of a split, in the order of its poems.

    Lines that a test poem shares with a training poem, or has twice, are left out of the test.

    Raises:
        DatasetMissing: as `load_quatrains`.
        CorruptFile: as `load_quatrains`.
    """
    found = [
        line
        for poem in load_quatrains(split)
        for line in re.split("[，。]", poem.text)
        if len(line) in LENGTHS
    ]
    if split == "train":
        return tuple(found)
    known = set(load_lines("train"))
    return tuple(line for line in dict.fromkeys(found) if line not in known)


def line_vocabulary() -> str:
    """All characters of the poems, the commonest first, after the sign that ends a line."""
    whole = vocabulary()
    return whole[0] + whole[SIGNS:]


def as_numbers(lines: Sequence[str], vocabulary: str) -> np.ndarray:
    """A line a row (n, 8) int16: its characters, the end, and `NOTHING` up to the longest's end.

    Args:
        lines: of the vocabulary's characters alone.
        vocabulary: the characters in the order of their numbers; the first ends a line.
    """
    numbers = {character: number for number, character in enumerate(vocabulary)}
    rows = np.full((len(lines), LONGEST + 1), NOTHING, np.int16)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line) + 1] = [*(numbers[c] for c in line), 0]
    return rows


def training_lines() -> tuple[np.ndarray, ...]:
    """What recipes train on."""
    return (as_numbers(load_lines("train"), line_vocabulary()),)


def framed_lines() -> tuple[np.ndarray, ...]:
    """The same for language models: an end comes before each line too."""
    (rows,) = training_lines()
    return (np.concatenate([np.zeros_like(rows[:, :1]), rows], axis=1),)


def as_text(row: np.ndarray, vocabulary: str) -> str:
    """The characters of one such row (8,), up to the end."""
    end = next((place for place, number in enumerate(row) if number <= 0), len(row))
    return "".join(vocabulary[number] for number in row[:end])
