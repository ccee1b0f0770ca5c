"""Euclidean distances of every vector to every other, a block at a time.

5,000 x 60,000 distances would fill 2.4 GB; a block fills 8 MB,
which the allocator keeps between blocks where larger ones go back to the system each time.
"""

from collections.abc import Iterator

import numpy as np

BLOCK = 2**20


def squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances of a (n, d) to b (m, d): yields (rows of a, their distances to all of b).

    |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, which is fast and, between near twins, inexact: by about the
    machine's epsilon times |a|^2. Never below zero. A block is the reader's to change.
    """
    lengths = np.einsum("ij,ij->i", b, b)
    step = max(1, BLOCK // len(b))
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        block = a[rows] @ b.T
        block *= -2
        block += lengths
        block += np.einsum("ij,ij->i", a[rows], a[rows])[:, None]
        yield rows, np.maximum(block, 0, out=block)
