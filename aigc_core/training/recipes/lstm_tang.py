"""The LSTM on Tang quatrains, a poem at a time. About half an hour on two cores."""

from aigc_core.data.tang import quatrains, vocabulary
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.training.language import NextCharacter
from aigc_core.training.recipe import Optimiser, Recipe


def objective() -> NextCharacter:
    network = CharLSTM(vocabulary=vocabulary(), embedding=192, width=448, dropout=0.4)
    return NextCharacter(network, first="7", characters=33)


RECIPE = Recipe(
    name="lstm-tang",
    objective=objective,
    data=quatrains,
    optimisers={"model": Optimiser(lr=2e-3, weight_decay=0.05, cooldown=0.8, warmup=100, clip=1.0)},
    ships="model",
    batch=64,
    steps=5_000,
    ema=0.998,
    half=True,
)
