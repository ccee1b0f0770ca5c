"""The Transformer on Tang quatrains, a poem at a time. Some 70 minutes on one core."""

from aigc_core.data.tang import quatrains, vocabulary
from aigc_core.models.char_transformer import CharTransformer
from aigc_core.training.language import NextCharacter
from aigc_core.training.recipe import Optimiser, Recipe


def objective() -> NextCharacter:
    network = CharTransformer(
        vocabulary=vocabulary(), context=40, width=192, layers=6, heads=6, dropout=0.3
    )
    return NextCharacter(network, first="7", characters=33)


RECIPE = Recipe(
    name="transformer-tang",
    objective=objective,
    data=quatrains,
    optimisers={
        "model": Optimiser(
            lr=1e-3, betas=(0.9, 0.98), weight_decay=0.1, cooldown=0.8, warmup=200, clip=1.0
        )
    },
    ships="model",
    batch=64,
    steps=4_000,
    ema=0.999,
    half=True,
)
