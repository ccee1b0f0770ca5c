"""A ladder of known damage, to read a Fréchet distance by.

Real test digits, spoiled in ways that anyone can picture, are measured like a model's. A model
whose FID is that of a one-pixel shift is very good; one that is on a level with a blur is not.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aigc_core.text import Text

SIGMA = 0.05
THRESHOLD = 0.5
MISSING = 3
KEPT = 50

Digits = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Perturbation:
    """One rung of the ladder.

    Args:
        id: names it in cards.
        name: for people.
        apply: maps pictures (n, 28, 28) float32 in 0..1 and labels (n,) to new ones; only a
            missing digit makes fewer of them. Always the same for the same input.
    """

    id: str
    name: Text
    apply: Callable[[np.ndarray, np.ndarray], Digits]


def untouched(images: np.ndarray, labels: np.ndarray) -> Digits:
    """As they are."""
    return images, labels


def shifted(images: np.ndarray, labels: np.ndarray) -> Digits:
    """Everything one pixel to the right; paper comes in from the left."""
    moved = np.zeros_like(images)
    moved[:, :, 1:] = images[:, :, :-1]
    return moved, labels


def thresholded(images: np.ndarray, labels: np.ndarray) -> Digits:
    """Black or white, no grey."""
    return (images > THRESHOLD).astype(images.dtype), labels


def noisy(images: np.ndarray, labels: np.ndarray) -> Digits:
    """Normal noise on every pixel, cut off at 0 and 1."""
    noise = np.random.default_rng(0).normal(0, SIGMA, images.shape)
    return (images + noise).clip(0, 1).astype(images.dtype), labels


def blurred(images: np.ndarray, labels: np.ndarray) -> Digits:
    """Every pixel the mean of its 3x3 neighbourhood, with paper beyond the edge."""
    height, width = images.shape[1:]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    total = sum(padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3))
    return np.asarray(total / 9, images.dtype), labels


def one_missing(images: np.ndarray, labels: np.ndarray) -> Digits:
    """No picture of one digit."""
    kept = labels != MISSING
    return images[kept], labels[kept]


def repeated(images: np.ndarray, labels: np.ndarray) -> Digits:
    """The first few pictures over and over: a generator that collapsed."""
    rows = np.arange(len(images)) % KEPT
    return images[rows], labels[rows]


def uniform(images: np.ndarray, labels: np.ndarray) -> Digits:
    """Every pixel drawn evenly from 0..1."""
    noise = np.random.default_rng(0).random(images.shape)
    return noise.astype(images.dtype), labels


UNTOUCHED = Perturbation("untouched", Text("untouched", "原样"), untouched)

# In the order of the frozen judge's FID at 5,000 digits.
LADDER = (
    UNTOUCHED,
    Perturbation("shift", Text("shifted by one pixel", "平移一个像素"), shifted),
    Perturbation("threshold", Text("thresholded to black and white", "二值化"), thresholded),
    Perturbation("noise", Text(f"noise of sigma {SIGMA}", f"叠加噪声（sigma = {SIGMA}）"), noisy),
    Perturbation("repeat", Text(f"{KEPT} pictures, repeated", f"仅 {KEPT} 幅图反复出现"), repeated),
    Perturbation("blur", Text("blurred 3x3", "3x3 模糊"), blurred),
    Perturbation(
        "missing", Text(f"the digit {MISSING} missing", f"缺少数字 {MISSING}"), one_missing
    ),
    Perturbation("uniform", Text("uniform noise", "均匀噪声"), uniform),
)
