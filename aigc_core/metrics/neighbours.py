"""Distances to the nearest training example, so that copying shows.

A generator that has learned its training set by heart has a splendid FID. Its pictures then lie
nearer to training pictures than new pictures by real people do, and that is what is compared here.
"""

from dataclasses import dataclass

import numpy as np

from aigc_core.metrics.distances import squared_distances

CLOSE = 0.01
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Nearest:
    """The nearest training example of each query.

    Args:
        distance: (n,) float64.
        index: (n,) int64, its row.
    """

    distance: np.ndarray
    index: np.ndarray


def nearest(queries: np.ndarray, training: np.ndarray) -> Nearest:
    """The training example (m, ...) nearest to each query (n, ...), in L2 over all values.

    For pictures in 0..1 the unit is one pixel's range from paper to ink; for features that of the
    features. An exact copy has distance 0.
    """
    a = queries.reshape(len(queries), -1).astype(np.float32, copy=False)
    b = training.reshape(len(training), -1).astype(np.float32, copy=False)
    index = np.empty(len(a), np.int64)
    for rows, distances in squared_distances(a, b):
        index[rows] = distances.argmin(axis=1)
    # The blocks are inexact between near twins, which are just what is looked for.
    return Nearest(np.linalg.norm(a.astype(np.float64) - b[index], axis=1), index)


def quantiles(distances: np.ndarray) -> tuple[float, ...]:
    """The distribution of distances (n,), at `QUANTILES`."""
    return tuple(float(value) for value in np.quantile(distances, QUANTILES))


def share_closer(made: np.ndarray, real: np.ndarray, share: float = CLOSE) -> float:
    """Share of made distances below the one that `share` of the real distances stay below.

    Real pictures give about `share` itself; a model that copies gives far more.
    """
    return float((made < np.quantile(real, share)).mean())
