"""The LSTM on Tiny Shakespeare. About an hour and a half on two cores."""

from aigc_core.data.shakespeare import vocabulary, windows
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.training.language import NextCharacter
from aigc_core.training.recipe import Optimiser, Recipe


def objective() -> NextCharacter:
    return NextCharacter(CharLSTM(vocabulary=vocabulary(), embedding=128, width=384, dropout=0.25))


RECIPE = Recipe(
    name="lstm-shakespeare",
    objective=objective,
    data=lambda: windows(257),
    optimisers={"model": Optimiser(lr=3e-3, weight_decay=0.01, cooldown=0.8, warmup=100, clip=1.0)},
    ships="model",
    batch=32,
    steps=3_600,
    ema=0.998,
    half=True,
)
