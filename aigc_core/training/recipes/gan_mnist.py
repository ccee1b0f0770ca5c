"""The original GAN on MNIST's training digits. About half an hour on two cores."""

from aigc_core.data.mnist import training_digits
from aigc_core.models.gan import Discriminator, Generator, discriminator_loss, generator_loss
from aigc_core.training.objectives import Noised
from aigc_core.training.recipe import Optimiser, Recipe

STEPS = 60_000


def objective() -> Noised:
    # Noise takes the place of dropout, which left the discriminator too weak to teach details. Half
    # of it stays: where it had faded away the discriminator won and some digits grew rare.
    # Drawn a little wider, its digits are more even for a little FID (benchmarks/spread.py).
    networks = Generator(spread=1.04), Discriminator(dropout=0.0)
    return Noised(*networks, discriminator_loss, generator_loss, noise=0.3, fading=2 * STEPS)


RECIPE = Recipe(
    name="gan-mnist",
    objective=objective,
    data=training_digits,
    # Found by trial: the generator twice as quick as the discriminator.
    optimisers={
        "generator": Optimiser(lr=2e-3, betas=(0.5, 0.999), cooldown=1.0),
        "discriminator": Optimiser(lr=1e-3, betas=(0.5, 0.999)),
    },
    ships="generator",
    batch=64,
    steps=STEPS,
    ema=0.9995,
    half=True,
)
