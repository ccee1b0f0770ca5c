"""The conditional DCGAN on MNIST's training digits. About half an hour on two cores."""

import numpy as np

from aigc_core.data.mnist import load_mnist, training_digits
from aigc_core.models.dcgan import Discriminator, Generator, discriminator_loss, generator_loss
from aigc_core.training.objectives import Adversarial
from aigc_core.training.recipe import Optimiser, Recipe


def objective() -> Adversarial:
    counts = np.bincount(load_mnist("train").labels).tolist()
    return Adversarial(
        # The spread with the lowest FID in benchmarks/spread.py.
        Generator(class_counts=counts, spread=1.07),
        Discriminator(width=32),
        discriminator_loss,
        generator_loss,
    )


RECIPE = Recipe(
    name="dcgan-mnist",
    objective=objective,
    data=training_digits,
    # Found by trial: the generator comes to rest against a discriminator that stays quick.
    optimisers={
        "generator": Optimiser(lr=1.6e-3, betas=(0.5, 0.999), cooldown=1.0),
        "discriminator": Optimiser(lr=1.6e-3, betas=(0.5, 0.999)),
    },
    ships="generator",
    batch=64,
    steps=937 * 17,
    ema=0.9995,
    half=True,
)
