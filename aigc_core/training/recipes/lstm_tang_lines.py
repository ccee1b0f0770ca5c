"""An LSTM like the text VAE's writer, but without a latent. About ten minutes on two cores."""

from aigc_core.data.tang_lines import framed_lines, line_vocabulary
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.training.language import NextCharacter
from aigc_core.training.recipe import Optimiser, Recipe


def objective() -> NextCharacter:
    network = CharLSTM(
        vocabulary=line_vocabulary(), embedding=192, width=384, layers=1, dropout=0.4
    )
    return NextCharacter(network, characters=8)


RECIPE = Recipe(
    name="lstm-tang-lines",
    objective=objective,
    data=framed_lines,
    optimisers={"model": Optimiser(lr=2e-3, weight_decay=0.01, cooldown=0.8, warmup=100, clip=5.0)},
    ships="model",
    batch=64,
    steps=7_000,
    ema=0.998,
    half=True,
)
