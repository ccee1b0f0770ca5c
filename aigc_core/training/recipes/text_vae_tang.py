"""The text VAE on single lines of Tang quatrains. Forty minutes on one core."""

from aigc_core.data.tang_lines import line_vocabulary, training_lines
from aigc_core.models.text_vae import TextVAE
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.text_vae import FreeBits

SHOWN = ("明月松间照", "清泉石上流", "两岸猿声啼不住", "轻舟已过万重山")


def objective() -> FreeBits:
    network = TextVAE(vocabulary=line_vocabulary(), dropout=0.4)
    return FreeBits(network, floor=24.0, word_dropout=0.3, warmup=1_000, shown=SHOWN)


RECIPE = Recipe(
    name="text-vae-tang",
    objective=objective,
    data=training_lines,
    optimisers={"vae": Optimiser(lr=2e-3, weight_decay=0.01, cooldown=0.8, warmup=100, clip=5.0)},
    ships="vae",
    batch=64,
    steps=15_000,
    ema=0.998,
    half=True,
)
