"""How much of a text is copied from another."""

import re
from collections.abc import Collection, Sequence

import numpy as np

WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")


def copied_shares(texts: Sequence[str], source: str, lengths: Sequence[int]) -> list[float]:
    """For each length, the share of all runs of so many characters that occur in `source`."""
    shares = []
    for length in lengths:
        known = {source[start : start + length] for start in range(len(source) - length + 1)}
        hits = [run in known for text in texts for run in runs_of(text, length)]
        shares.append(float(np.mean(hits)) if hits else 0.0)
    return shares


def runs_of(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(len(text) - length + 1)]


def longest_copy(text: str, source: str) -> int:
    """How many characters in a row of a text occur in `source`, at most."""
    longest = start = 0
    # Where a run of this length begins nowhere in the source, no longer one does.
    while start + longest < len(text):
        if text[start : start + longest + 1] in source:
            longest += 1
        else:
            start += 1
    return longest


def words(text: str, *, cut: bool = False) -> list[str]:
    """The words of an English text in small letters.

    Args:
        cut: whether the text begins and ends anywhere, so that its outermost words may be parts.
    """
    found = [word.lower() for word in WORD.findall(text)]
    return found[1:-1] if cut else found


def known_share(texts: Sequence[str], lexicon: Collection[str]) -> float:
    """The share of the words of texts, cut anywhere, that are in a lexicon."""
    return float(np.mean([word in lexicon for text in texts for word in words(text, cut=True)]))


def stretches(text: str, count: int, length: int) -> list[str]:
    """So many stretches of so many characters, evenly spread over a text.

    Raises:
        ValueError: the text is shorter than that.
    """
    if len(text) < count * length:
        raise ValueError(f"{len(text)} characters are fewer than {count} x {length}")
    starts = np.linspace(0, len(text) - length, count).astype(int)
    return [text[start : start + length] for start in starts]
