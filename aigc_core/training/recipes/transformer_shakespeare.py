"""The character Transformer on Tiny Shakespeare. About an hour and a quarter on two cores."""

from aigc_core.data.shakespeare import vocabulary, windows
from aigc_core.models.char_transformer import CharTransformer
from aigc_core.training.language import NextCharacter
from aigc_core.training.recipe import Optimiser, Recipe

CONTEXT = 256


def objective() -> NextCharacter:
    network = CharTransformer(
        vocabulary=vocabulary(), context=CONTEXT, width=160, layers=5, heads=5, dropout=0.1
    )
    return NextCharacter(network)


RECIPE = Recipe(
    name="transformer-shakespeare",
    objective=objective,
    data=lambda: windows(CONTEXT + 1),
    optimisers={
        "model": Optimiser(
            lr=3e-3, betas=(0.9, 0.98), weight_decay=0.1, cooldown=0.8, warmup=100, clip=1.0
        )
    },
    ships="model",
    batch=32,
    steps=4_000,
    ema=0.998,
    half=True,
)
