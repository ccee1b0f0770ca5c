"""What the nats of a language model are read by: the same characters, predicted more simply."""

from collections.abc import Sequence
from math import log

import numpy as np

from aigc_core.metrics.card import Figure, Rung, plain
from aigc_core.metrics.ngrams import KneserNey, mean_cost

ORDERS = {1: "unigram", 2: "bigram", 3: "trigram", 5: "five-gram", 6: "six-gram"}
BITS = log(2)


def anchors(
    train: Sequence[np.ndarray],
    test: Sequence[np.ndarray],
    size: int,
    orders: Sequence[int],
    first: int = 1,
) -> tuple[Rung, ...]:
    """Uniform guessing and n-gram models, fitted on training texts, on test texts.

    Args:
        train: each (t,) of numbers below `size`.
        test: the same.
        size: of the vocabulary.
        orders: of the n-gram models, keys of `ORDERS`.
        first: characters at the start of each test text that are given and not predicted.
    """
    n = sum(len(text) - first for text in test)
    rungs = [Rung("uniform", plain(log(size)), {"n": n}, "nats_char")]
    for order in orders:
        value = mean_cost(KneserNey(order, size, train), test, first)
        rungs.append(Rung(ORDERS[order], plain(value), {"n": n}, "nats_char"))
    return tuple(rungs)


def in_bits(nats: Figure) -> tuple[Figure, Figure]:
    """Bits a character and perplexity of the nats."""
    value, args, split = nats.value, nats.args, nats.split
    return (
        Figure("bits_char", plain(value / BITS), args=args, split=split),
        Figure("perplexity", plain(np.exp(value)), args=args, split=split),
    )
