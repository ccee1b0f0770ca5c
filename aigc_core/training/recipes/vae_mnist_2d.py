"""A VAE whose latent is a point on a map. About ten minutes on two cores."""

from aigc_core.data.mnist import training_digits
from aigc_core.models.vae import VAE
from aigc_core.training.objectives import Variational
from aigc_core.training.recipe import Optimiser, Recipe

RECIPE = Recipe(
    name="vae-mnist-2d",
    objective=lambda: Variational(VAE(latent_dim=2), warmup=4_000),
    data=training_digits,
    optimisers={"vae": Optimiser(lr=2e-3, cooldown=1.0)},
    ships="vae",
    batch=64,
    steps=24_000,
    ema=0.999,
    half=True,
)
