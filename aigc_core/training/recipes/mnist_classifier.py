"""The judge: frozen before any generator was tuned. About ten minutes on two cores."""

import numpy as np

from aigc_core.data.mnist import load_mnist
from aigc_core.models.digit_classifier import DigitClassifier
from aigc_core.training.objectives import Classification
from aigc_core.training.recipe import Optimiser, Recipe


def data() -> tuple[np.ndarray, ...]:
    digits = load_mnist("train")
    return digits.images, digits.labels


RECIPE = Recipe(
    name="mnist-classifier",
    objective=lambda: Classification(DigitClassifier()),
    data=data,
    optimisers={"classifier": Optimiser(lr=2e-3, weight_decay=1e-3, cooldown=0.7)},
    ships="classifier",
    batch=128,
    steps=468 * 10,
    ema=0.998,
    seed=1998,
)
