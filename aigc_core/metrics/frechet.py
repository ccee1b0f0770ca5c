"""Fréchet distance between two clouds of features, each taken for a normal distribution.

With the features of a network that knows the data this is FID (Heusel et al. 2017,
https://arxiv.org/abs/1706.08500); it is only comparable within one network and one sample size.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Moments:
    """What the distance needs to know of a cloud of features.

    Args:
        mean: (d,) float64.
        covariance: (d, d) float64, unbiased.
        count: how many vectors they were taken over.
    """

    mean: np.ndarray
    covariance: np.ndarray
    count: int


def moments(features: np.ndarray) -> Moments:
    """Mean and unbiased covariance of features (n, d), n >= 2, in float64.

    Raises:
        ValueError: fewer than two vectors, or another rank.
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features of shape {features.shape}: at least two vectors are needed")
    values = features.astype(np.float64)
    mean = values.mean(axis=0)
    values -= mean
    return Moments(mean, values.T @ values / (len(values) - 1), len(values))


def frechet_distance(a: Moments, b: Moments) -> float:
    """The squared distance |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), at least 0.

    (C_a C_b)^(1/2) has the eigenvalues of (C_a^(1/2) C_b C_a^(1/2))^(1/2), and these are the
    singular values of C_a^(1/2) C_b^(1/2). Taking them so keeps everything real and never squares
    what has to be rooted again, which matters where features are dead or fewer than dimensions.
    """
    difference = a.mean - b.mean
    shared = np.linalg.svd(root(a.covariance) @ root(b.covariance), compute_uv=False).sum()
    spread = np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared
    return max(0.0, float(difference @ difference + spread))


def root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance; rounding below zero counts as zero."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(values.clip(min=0)) @ vectors.T)
