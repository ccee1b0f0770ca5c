"""Fidelity and diversity apart: how much of what is made is real-like, how much of the real is met.

A set's manifold is taken to be the union of balls around its feature vectors, each reaching to the
k-th nearest other vector of the set.

- precision and recall (Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991), k = 3
- density and coverage (Naeem et al. 2020, https://arxiv.org/abs/2002.09797), k = 5, which hold no
  ball around made vectors and count in how many balls a vector lies, so that outliers weigh less

All of them change with both sizes; compare at equal ones.
"""

from typing import NamedTuple

import numpy as np

from aigc_core.metrics.distances import squared_distances

PRECISION_RECALL_K = 3
DENSITY_COVERAGE_K = 5


class PrecisionRecall(NamedTuple):
    """How many made vectors are like real ones, and the other way round.

    Args:
        precision: share of made vectors in the real manifold, 0..1.
        recall: share of real vectors in the made manifold, 0..1.
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How well made vectors keep to the real ones, and how many of those they reach.

    Args:
        density: real balls that a made vector lies in, over the k expected; 0 or more, and about 1
            for real vectors.
        coverage: share of real balls with a made vector in them, 0..1.
    """

    density: float
    coverage: float


def precision_recall(
    real: np.ndarray,
    made: np.ndarray,
    k: int = PRECISION_RECALL_K,
    real_reach: np.ndarray | None = None,
) -> PrecisionRecall:
    """Of features real (n, d) and made (m, d).

    Args:
        real_reach: `reach(real, k)`, where it is known already.

    Raises:
        ValueError: a set has no k-th neighbour.
    """
    real, made = real.astype(np.float64), made.astype(np.float64)
    real_reach = reach(real, k) if real_reach is None else real_reach
    made_reach = reach(made, k)
    inside = 0
    met = np.zeros(len(real), bool)
    for rows, distances in squared_distances(made, real):
        inside += int((distances < real_reach).any(axis=1).sum())
        met |= (distances < made_reach[rows, None]).any(axis=0)
    return PrecisionRecall(inside / len(made), float(met.mean()))


def density_coverage(
    real: np.ndarray,
    made: np.ndarray,
    k: int = DENSITY_COVERAGE_K,
    real_reach: np.ndarray | None = None,
) -> DensityCoverage:
    """Of features real (n, d) and made (m, d).

    Args:
        real_reach: `reach(real, k)`, where it is known already.

    Raises:
        ValueError: the real set has no k-th neighbour.
    """
    real, made = real.astype(np.float64), made.astype(np.float64)
    real_reach = reach(real, k) if real_reach is None else real_reach
    balls = 0
    met = np.zeros(len(real), bool)
    for _, distances in squared_distances(made, real):
        inside = distances < real_reach
        balls += int(inside.sum())
        met |= inside.any(axis=0)
    return DensityCoverage(balls / (k * len(made)), float(met.mean()))


def reach(features: np.ndarray, k: int) -> np.ndarray:
    """Squared distances (n,) of each vector of features (n, d) to its k-th nearest other."""
    return reaches(features, k)[k]


def reaches(features: np.ndarray, *ks: int) -> dict[int, np.ndarray]:
    """The same for several k at once."""
    for k in ks:
        if not 1 <= k < len(features):
            raise ValueError(f"{len(features)} vectors have no neighbour number {k}")
    found = {k: np.empty(len(features)) for k in ks}
    for rows, distances in squared_distances(features, features):
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf
        ordered = np.partition(distances, [k - 1 for k in ks], axis=1)
        for k in ks:
            found[k][rows] = ordered[:, k - 1]
    return found
