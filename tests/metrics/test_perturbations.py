import numpy as np
import pytest

from aigc_core.metrics.perturbations import (
    KEPT,
    LADDER,
    MISSING,
    Perturbation,
    blurred,
    noisy,
    one_missing,
    repeated,
    shifted,
    thresholded,
    uniform,
    untouched,
)


@pytest.fixture
def digits() -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(0).random((120, 28, 28), np.float32)
    return images, np.arange(120) % 10


@pytest.mark.parametrize("step", LADDER, ids=lambda step: step.id)
def test_every_rung_gives_pictures_and_spoils_no_others(
    step: Perturbation, digits: tuple[np.ndarray, np.ndarray]
):
    before = digits[0].copy()
    images, labels = step.apply(*digits)
    assert images.dtype == np.float32
    assert images.shape == (len(labels), 28, 28)
    assert 0 <= images.min() <= images.max() <= 1
    np.testing.assert_array_equal(digits[0], before)
    np.testing.assert_array_equal(step.apply(*digits)[0], images)


def test_names_are_distinct():
    assert len({step.id for step in LADDER}) == len(LADDER)
    assert len({step.name.en for step in LADDER}) == len({step.name.zh for step in LADDER}) == 8


def test_untouched(digits: tuple[np.ndarray, np.ndarray]):
    assert untouched(*digits) == digits


def test_shifted_by_one_pixel_to_the_right(digits: tuple[np.ndarray, np.ndarray]):
    images, _ = shifted(*digits)
    np.testing.assert_array_equal(images[:, :, 1:], digits[0][:, :, :-1])
    assert not images[:, :, 0].any()


def test_thresholded_leaves_black_and_white(digits: tuple[np.ndarray, np.ndarray]):
    images, _ = thresholded(*digits)
    assert set(np.unique(images)) == {0, 1}
    np.testing.assert_array_equal(images == 1, digits[0] > 0.5)


def test_noise_has_its_sigma():
    grey = np.full((100, 28, 28), 0.5, np.float32)
    noise = noisy(grey, np.zeros(100, int))[0] - grey
    assert noise.std() == pytest.approx(0.05, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=1e-3)


def test_blur_spreads_a_dot_evenly():
    dot = np.zeros((1, 28, 28), np.float32)
    dot[0, 10, 10] = 1
    images, _ = blurred(dot, np.zeros(1, int))
    np.testing.assert_allclose(images[0, 9:12, 9:12], 1 / 9, rtol=1e-6)
    assert np.count_nonzero(images) == 9


def test_one_digit_is_missing(digits: tuple[np.ndarray, np.ndarray]):
    images, labels = one_missing(*digits)
    assert set(labels) == set(range(10)) - {MISSING}
    assert len(images) == 108


def test_a_few_pictures_are_repeated(digits: tuple[np.ndarray, np.ndarray]):
    images, labels = repeated(*digits)
    assert len(np.unique(images, axis=0)) == KEPT
    np.testing.assert_array_equal(images[KEPT : 2 * KEPT], digits[0][:KEPT])
    np.testing.assert_array_equal(labels[KEPT : 2 * KEPT], digits[1][:KEPT])


def test_uniform_noise_fills_the_range(digits: tuple[np.ndarray, np.ndarray]):
    images, _ = uniform(*digits)
    assert images.mean() == pytest.approx(0.5, abs=0.01)
    assert images.var() == pytest.approx(1 / 12, rel=0.02)
