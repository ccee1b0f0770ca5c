"""Spearman's rank correlation: whether two quantities rise together, whatever their scales."""

import numpy as np


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson's correlation of the ranks of a (n,) and b (n,), in -1..1 (Spearman 1904).

    None where it has no sense: fewer than three pairs, or one of the two never changes.

    Raises:
        ValueError: unequal lengths, or a value that is no number.
    """
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"{a.shape} and {b.shape}: equally many values are needed")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("values that are no numbers have no rank")
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    if len(a) < 3 or size == 0:
        return None
    return float(np.clip(x @ y / size, -1, 1))


def ranks(values: np.ndarray) -> np.ndarray:
    """Places (n,) from 1 on; equal values share the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[group])
