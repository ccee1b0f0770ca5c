"""The VAE for quality on MNIST's training digits. About half an hour on two cores."""

from aigc_core.data.mnist import training_digits
from aigc_core.models.vae import VAE
from aigc_core.training.objectives import Variational
from aigc_core.training.recipe import Optimiser, Recipe


def recipe(beta: float = 1.0, steps: int = 80_000) -> Recipe:
    """The VAE with a weight of the rate, trained for so long."""
    return Recipe(
        name="vae-mnist",
        objective=lambda: Variational(VAE(residual=1), beta, warmup=steps // 6),
        data=training_digits,
        optimisers={"vae": Optimiser(lr=2e-3, cooldown=1.0)},
        ships="vae",
        batch=64,
        steps=steps,
        ema=0.999,
        half=True,
    )


RECIPE = recipe()
