import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from aigc_core.metrics.frechet import Moments, frechet_distance, moments


def clouds(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds of correlated, non-negative features."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(d, d))
    a = np.maximum(rng.normal(size=(n, d)) @ mix, 0)
    b = np.maximum(rng.normal(size=(n, d)) @ mix + 0.3, 0) * 1.2
    return a.astype(np.float32), b.astype(np.float32)


def by_scipy(a: Moments, b: Moments) -> float:
    product = sqrtm(a.covariance @ b.covariance)
    difference = a.mean - b.mean
    return float(
        difference @ difference + np.trace(a.covariance + b.covariance - 2 * np.real(product))
    )


def test_moments_are_numpys():
    a, _ = clouds(200, 7)
    found = moments(a)
    assert found.count == 200
    assert found.mean.dtype == found.covariance.dtype == np.float64
    np.testing.assert_allclose(found.mean, a.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(a.astype(np.float64).T), rtol=1e-10)


def test_moments_leave_their_input_alone():
    a = clouds(50, 3)[0].astype(np.float64)
    before = a.copy()
    moments(a)
    np.testing.assert_array_equal(a, before)


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (8,)])
def test_moments_refuse_what_has_no_covariance(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="two vectors"):
        moments(np.zeros(shape))


@pytest.mark.parametrize(("n", "d"), [(500, 16), (300, 64)])
def test_distance_is_scipys(n: int, d: int):
    a, b = (moments(cloud) for cloud in clouds(n, d))
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-8)


def test_distance_of_one_dimension_is_the_formula():
    a = Moments(np.array([1.0]), np.array([[4.0]]), 10)
    b = Moments(np.array([3.0]), np.array([[9.0]]), 10)
    assert frechet_distance(a, b) == pytest.approx((1 - 3) ** 2 + (2 - 3) ** 2)


def test_distance_is_a_distance():
    a, b = (moments(cloud) for cloud in clouds(400, 32))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-10)


def test_dead_and_doubled_features_do_no_harm():
    a, b = clouds(400, 12)
    plain = frechet_distance(moments(a), moments(b))

    def padded(cloud: np.ndarray) -> np.ndarray:
        return np.concatenate([cloud, np.zeros((len(cloud), 20), np.float32)], axis=1)

    def doubled(cloud: np.ndarray) -> np.ndarray:
        return np.concatenate([cloud, cloud], axis=1)

    assert frechet_distance(moments(padded(a)), moments(padded(b))) == pytest.approx(plain)
    assert frechet_distance(moments(doubled(a)), moments(doubled(b))) == pytest.approx(2 * plain)


def test_fewer_vectors_than_dimensions():
    a, b = (moments(cloud) for cloud in clouds(20, 50))
    found = frechet_distance(a, b)
    assert np.isfinite(found)
    assert found == pytest.approx(by_scipy(a, b), rel=1e-4)


class Flat(nn.Module):
    """A fixed linear feature net for pictures in 0..255."""

    num_features = 16

    def __init__(self) -> None:
        super().__init__()
        weights = torch.randn(3 * 8 * 8, 16, generator=torch.Generator().manual_seed(0)) / 100
        self.register_buffer("weights", weights)

    def forward(self, x: Tensor) -> Tensor:
        return x.float().flatten(1) @ self.weights


def test_distance_is_torchmetrics_with_the_same_net():
    rng = np.random.default_rng(0)
    real = torch.from_numpy(rng.integers(0, 256, (200, 3, 8, 8), np.uint8))
    made = torch.from_numpy(rng.integers(30, 200, (150, 3, 8, 8), np.uint8))
    net = Flat()
    theirs = FrechetInceptionDistance(feature=net)
    theirs.update(real, real=True)
    theirs.update(made, real=False)
    ours = frechet_distance(moments(net(real).numpy()), moments(net(made).numpy()))
    assert ours == pytest.approx(theirs.compute().item(), rel=1e-4)
