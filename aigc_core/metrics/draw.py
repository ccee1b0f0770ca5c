"""Choosing among examples at random, and always the same ones."""

import numpy as np


def draw(size: int, count: int) -> np.ndarray:
    """`count` of the row numbers 0 to `size` - 1, in random order; fewer are the head of more.

    Regular steps would not do: MNIST's training digits alternate between two sources, and its test
    digits come one source after the other, so that every second digit, or the first half, is
    farther from the whole than most damage is.
    """
    # RandomState, as its numbers are promised to stay the same in all versions of NumPy.
    return np.random.RandomState(0).permutation(size)[:count]
