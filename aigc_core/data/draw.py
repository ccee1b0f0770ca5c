"""Choosing among examples at random, and always the same ones."""

import numpy as np


def draw(size: int, count: int) -> np.ndarray:
    """`count` of the row numbers 0 to `size` - 1, in random order.

    Regular steps would not do: MNIST's training digits alternate between two sources, and its test
    digits come one source after the other, so that every second digit, or the first half, is
    farther from the whole than most damage is.
    """
    # RandomState, as its numbers are promised to stay the same in all versions of NumPy.
    return np.random.RandomState(0).permutation(size)[:count]


def in_proportion(labels: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """All row numbers of labels (n,), so ordered that every stretch has classes in these shares.

    As far as the classes last, at least; within its class each row has a random place. Chance in
    the shares would add to a Fréchet distance (half as much again at 1,000 digits), and the
    engine's pictures of “any” digit have none either.
    """
    rank = np.empty(len(labels))
    for label, share in enumerate(shares):
        rows = np.flatnonzero(labels == label)
        rank[rows[draw(len(rows), len(rows))]] = (np.arange(len(rows)) + 0.5) / share
    return np.argsort(rank, kind="stable")


def disjoint(labels: np.ndarray, count: int, shares: np.ndarray) -> int:
    """How many sets of `count` rows with classes in these shares have no row in common.

    At least one, which is less than it should be where there are not as many rows.
    """
    counts = np.bincount(labels, minlength=len(shares))
    return max(1, int((counts / shares).min()) // count)
