"""The text GAN's start: single lines of Tang verse by maximum likelihood. Half an hour."""

from aigc_core.data.tang_lines import LONGEST, as_text, line_vocabulary, training_lines
from aigc_core.models.oracle import texts
from aigc_core.models.text_gan import Generator
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.text_gan import DRAWN, Likelihood


def generator() -> Generator:
    return Generator(
        vocabulary=line_vocabulary(),
        length=LONGEST + 1,
        embedding=192,
        width=512,
        tied=True,
        dropout=0.4,
    )


def objective() -> Likelihood:
    return Likelihood(generator(), shown)


def shown(network: Generator) -> str:
    """A few lines, from the same numbers each time."""
    rows = texts(network, DRAWN, seed=0).cpu().numpy()
    return "".join(as_text(row, network.vocabulary) + "\n" for row in rows)


RECIPE = Recipe(
    name="text-gan-tang-start",
    objective=objective,
    data=training_lines,
    optimisers={
        "generator": Optimiser(lr=2e-3, weight_decay=0.05, cooldown=0.8, warmup=100, clip=1.0)
    },
    ships="generator",
    batch=128,
    steps=5_000,
    ema=0.998,
    half=True,
)
