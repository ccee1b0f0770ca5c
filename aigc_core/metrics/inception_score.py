"""Inception score: every picture clearly of one class, and all classes present.

IS = exp(E_x KL(p(y|x) || p(y)))  (Salimans et al. 2016, https://arxiv.org/abs/1606.03498), with the
classifier of this suite's data in Inception's place.
"""

from typing import NamedTuple

import numpy as np

SPLITS = 10


class InceptionScore(NamedTuple):
    """Mean and standard deviation over the splits; 1 is worst, the number of classes best."""

    mean: float
    deviation: float


def inception_score(logits: np.ndarray, splits: int = SPLITS) -> InceptionScore:
    """The score of logits (n, classes), in `splits` consecutive parts of nearly equal size.

    Consecutive parts are a fair split only of pictures in random order. Smaller parts score
    lower, so state n and splits with the score.

    Raises:
        ValueError: fewer pictures than splits.
    """
    if not 1 <= splits <= len(logits):
        raise ValueError(f"{len(logits)} pictures cannot be split into {splits} parts")
    parts = np.array_split(log_softmax(logits.astype(np.float64)), splits)
    scores = [score(part) for part in parts]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def score(log_p: np.ndarray) -> float:
    """The score of log-probabilities (n, classes) as one part."""
    p = np.exp(log_p)
    # A class that no picture has a trace of has p = 0 throughout, and 0 log 0 = 0.
    marginal = p.mean(axis=0)
    log_marginal = np.log(np.where(marginal > 0, marginal, 1))
    return float(np.exp((p * (log_p - log_marginal)).sum(axis=1).mean()))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """log p(y|x) from logits (n, classes), without underflow."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
