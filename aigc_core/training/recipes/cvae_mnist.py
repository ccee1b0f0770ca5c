"""The conditional VAE on MNIST's training digits. About ten minutes on two cores."""

import numpy as np

from aigc_core.data.mnist import load_mnist, training_digits
from aigc_core.models.vae import VAE
from aigc_core.training.objectives import Variational
from aigc_core.training.recipe import Optimiser, Recipe


def objective() -> Variational:
    counts = np.bincount(load_mnist("train").labels).tolist()
    # The spread with the lowest FID in benchmarks/spread.py, which goes in steps of 0.1 here;
    # halfway to 0.5 it is hardly lower (4.51, not 4.58).
    return Variational(VAE(class_counts=counts, spread=0.6), warmup=4_000)


RECIPE = Recipe(
    name="cvae-mnist",
    objective=objective,
    data=training_digits,
    optimisers={"vae": Optimiser(lr=2e-3, cooldown=1.0)},
    ships="vae",
    batch=64,
    steps=24_000,
    ema=0.999,
    half=True,
)
