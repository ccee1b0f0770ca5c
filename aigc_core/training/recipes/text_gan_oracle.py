"""The text GAN on SeqGAN's oracle: the start by maximum likelihood, and the game that follows.

`RECIPE` is the start; `benchmarks/text_gan.py` goes on from the best of it, over several oracles.
"""

from functools import partial
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from aigc_core.models.oracle import LENGTH, WIDTH, WORDS, oracle, signs, texts
from aigc_core.models.text_gan import Discriminator, Generator
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.text_gan import Likelihood, PolicyGradient

TEXTS = 10_000
# Of the texts that are learned from, and of those that are kept back.
LEARNED, KEPT_BACK = 1, 2


def generator() -> Generator:
    """A network of the oracle's own size."""
    return Generator(
        vocabulary=signs(WORDS), length=LENGTH, ends=False, embedding=WIDTH, width=WIDTH
    )


def real(seed: int) -> tuple[np.ndarray, ...]:
    """The oracle's texts (10,000, 20)."""
    return (texts(oracle(seed), TEXTS, LEARNED).numpy().astype(np.int16),)


def likelihood(seed: int, shorter: int = 1) -> Recipe:
    """The start, of the oracle of this seed; `shorter` divides its steps, for a trial."""
    return Recipe(
        name="text-gan-oracle",
        objective=lambda: Likelihood(generator()),
        data=partial(real, seed),
        optimisers={"generator": Optimiser(lr=1e-2, cooldown=0.3)},
        ships="generator",
        batch=64,
        steps=9_000 // shorter,
        ema=0.998,
        seed=seed,
    )


def adversarial(seed: int, start: Path, shorter: int = 1) -> Recipe:
    """The game, from the weights in a file; `shorter` divides its steps, for a trial."""

    def objective() -> PolicyGradient:
        policy = generator()
        policy.load_state_dict({name: value.float() for name, value in load_file(start).items()})
        # Much wider than the generator: of 10,000 texts it must learn more than that one did.
        judge = Discriminator(WORDS, embedding=32, width=128, dropout=0.5)
        return PolicyGradient(policy, judge, rounds=2, lead=2_500 // shorter)

    return Recipe(
        name="text-gan-oracle-game",
        objective=objective,
        data=partial(real, seed),
        optimisers={
            "generator": Optimiser(lr=1e-3, betas=(0.5, 0.99), clip=1.0),
            "discriminator": Optimiser(lr=1e-2, betas=(0.5, 0.99)),
        },
        ships="generator",
        batch=128,
        steps=3_500 // shorter,
        ema=0.98,
        seed=seed,
    )


RECIPE = likelihood(0)
