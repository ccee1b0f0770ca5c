"""The Wasserstein GAN on MNIST's training digits. About three quarters of an hour on two cores."""

import numpy as np

from aigc_core.data.mnist import load_mnist, training_digits
from aigc_core.models.wgan_gp import Critic, Generator, critic_loss, generator_loss
from aigc_core.training.objectives import Wasserstein
from aigc_core.training.recipe import Optimiser, Recipe


def objective() -> Wasserstein:
    counts = np.bincount(load_mnist("train").labels).tolist()
    generator = Generator(class_counts=counts)
    return Wasserstein(generator, Critic(), critic_loss, generator_loss, rounds=3)


RECIPE = Recipe(
    name="wgan-gp-mnist",
    objective=objective,
    data=training_digits,
    optimisers={
        "generator": Optimiser(lr=1.5e-3, betas=(0.0, 0.9), cooldown=1.0),
        "critic": Optimiser(lr=1.5e-3, betas=(0.0, 0.9), cooldown=0.5),
    },
    ships="generator",
    batch=192,
    steps=312 * 20,
    ema=0.999,
    half=True,
)
