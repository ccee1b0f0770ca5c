import numpy as np
import pytest

from aigc_core.metrics import distances
from aigc_core.metrics.neighbours import QUANTILES, nearest, quantiles, share_closer


def pictures(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 28, 28), np.float32)


def test_nearest_is_that_of_all_differences(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(distances, "BLOCK", 500)
    queries, training = pictures(30, 0), pictures(80, 1)
    every = np.linalg.norm((queries[:, None] - training).reshape(30, 80, -1), axis=2)
    found = nearest(queries, training)
    np.testing.assert_array_equal(found.index, every.argmin(axis=1))
    np.testing.assert_allclose(found.distance, every.min(axis=1), rtol=1e-5)


def test_a_copy_has_distance_zero():
    training = pictures(50, 0)
    found = nearest(training[[7, 3]], training)
    assert found.index.tolist() == [7, 3]
    assert found.distance.tolist() == [0, 0]


def test_one_changed_pixel_is_as_far_as_its_change():
    training = pictures(20, 0)
    query = training[:1].copy()
    query[0, 5, 5] += np.float32(0.25)
    assert nearest(query, training).distance[0] == pytest.approx(0.25, rel=1e-5)


def test_copying_shows():
    training, real = pictures(200, 0), pictures(100, 1)
    copies = training[:100] + np.float32(1e-3)
    floor = nearest(real, training).distance
    assert share_closer(nearest(copies, training).distance, floor) == 1
    assert share_closer(floor, floor) == pytest.approx(0.01)
    assert share_closer(nearest(pictures(100, 2), training).distance, floor) < 0.1


def test_quantiles_are_a_distribution():
    found = quantiles(np.arange(101.0))
    assert found == tuple(100 * share for share in QUANTILES)
