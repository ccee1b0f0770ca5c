"""N-gram language models with interpolated Kneser-Ney smoothing, to compare networks with.

The next character is predicted from the n - 1 before it by what followed these in the training
text. Most runs of characters never occurred there, so some probability is taken from those that
did (a discount D from each count) and given to the model of order n - 1:

    p_n(c | h) = max(count(h c) - D, 0) / count(h) + D kinds(h) / count(h) p_{n-1}(c | h')

with kinds(h) the number of different characters that followed h, and h' = h without its first.
Below the highest order, not occurrences are counted but in how many different places, that is
after how many different characters, a run occurred (Kneser & Ney 1995): "Francisco" is common, and
nearly always after "San". D = n1 / (n1 + 2 n2), from the runs that occur once and twice (Chen &
Goodman 1999, https://doi.org/10.1006/csla.1999.0128).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np


class Order(NamedTuple):
    """The counts of one order: of runs, and of the contexts that begin them; both sorted by code.

    Args:
        runs: codes of the runs.
        counts: how often, or after how many characters, each occurred.
        contexts: codes of the runs without their last character.
        totals: the sum of the counts of each context's runs.
        kinds: how many runs begin with each context.
        discount: D.
    """

    runs: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    kinds: np.ndarray
    discount: float


class KneserNey:
    """A character n-gram model.

    A run is told by one number of 63 bits, so (size + 1) ** order must be less than 2 ** 63.

    Args:
        order: n; the n - 1 characters before are looked at.
        size: of the vocabulary.
        texts: what to learn from, each (t,) of numbers below `size`.
    """

    def __init__(self, order: int, size: int, texts: Iterable[np.ndarray]) -> None:
        if (size + 1) ** order >= 2**63:
            raise ValueError(f"order {order} is too high for {size} characters")
        self.size, self.base = size, size + 1
        runs, counts = np.unique(self.runs(texts, order), return_counts=True)
        self.orders = [self.counted(runs, counts)]
        for _ in range(order - 1):
            # Each different longer run is one more character that the shorter one came after.
            length = order - len(self.orders)
            runs, counts = np.unique(runs % self.base**length, return_counts=True)
            self.orders.append(self.counted(runs, counts))
        self.orders.reverse()

    def costs(self, text: np.ndarray) -> np.ndarray:
        """-log p (t,) in nats of each character of a text (t,)."""
        longest = self.runs([text], len(self.orders))
        p = np.full(len(text), 1 / self.size)
        for length, order in enumerate(self.orders, start=1):
            runs = longest % self.base**length
            at = found(order.contexts, runs // self.base)
            known, context = at >= 0, at.clip(min=0)
            place = found(order.runs, runs)
            count = np.where(place >= 0, order.counts[place.clip(min=0)], 0)
            own = (count - order.discount).clip(min=0)
            given = order.discount * order.kinds[context]
            p = np.where(known, (own + given * p) / order.totals[context], p)
        return -np.log(p)

    def runs(self, texts: Iterable[np.ndarray], order: int) -> np.ndarray:
        """The codes of the runs that end with each character; a start sign stands before a text."""
        codes = []
        for text in texts:
            padded = np.concatenate([np.full(order - 1, self.size), text]).astype(np.int64)
            code = np.zeros(len(text), np.int64)
            for shift in range(order):
                code = code * self.base + padded[shift : shift + len(text)]
            codes.append(code)
        return np.concatenate(codes)

    def counted(self, runs: np.ndarray, counts: np.ndarray) -> Order:
        contexts, first = np.unique(runs // self.base, return_index=True)
        once, twice = (counts == 1).sum(), (counts == 2).sum()
        return Order(
            runs,
            counts,
            contexts,
            np.add.reduceat(counts, first),
            np.diff(np.append(first, len(runs))),
            # Where no run occurs once, as in a text longer than its runs are many, the usual half.
            float(once / (once + 2 * twice)) if once else 0.5,
        )


def found(codes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The place of each wanted code among sorted ones, or -1."""
    place = np.searchsorted(codes, wanted).clip(max=len(codes) - 1)
    return np.where(codes[place] == wanted, place, -1)


def mean_cost(model: KneserNey, texts: Sequence[np.ndarray], first: int = 0) -> float:
    """The mean cost in nats of all characters of texts but the `first` ones of each."""
    return float(np.concatenate([model.costs(text)[first:] for text in texts]).mean())
