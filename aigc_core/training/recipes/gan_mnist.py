"""The original GAN on MNIST's training digits. About a quarter of an hour on two cores."""

from aigc_core.data.mnist import training_digits
from aigc_core.models.gan import Discriminator, Generator, discriminator_loss, generator_loss
from aigc_core.training.objectives import Adversarial
from aigc_core.training.recipe import Optimiser, Recipe

RECIPE = Recipe(
    name="gan-mnist",
    objective=lambda: Adversarial(Generator(), Discriminator(), discriminator_loss, generator_loss),
    data=training_digits,
    optimisers={
        "generator": Optimiser(lr=1.5e-3, betas=(0.5, 0.999), cooldown=1.0),
        "discriminator": Optimiser(lr=1.5e-3, betas=(0.5, 0.999)),
    },
    ships="generator",
    batch=64,
    steps=30_000,
    ema=0.9995,
    half=True,
)
