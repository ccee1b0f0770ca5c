"""The text GAN on single lines of Tang verse, from where maximum likelihood has come to.

Train and ship `text-gan-tang-start` first.
"""

from aigc_core.checkpoint import load_network
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data.tang_lines import training_lines
from aigc_core.models.text_gan import Discriminator
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.recipes.text_gan_tang_start import RECIPE as START
from aigc_core.training.recipes.text_gan_tang_start import generator, shown
from aigc_core.training.text_gan import PolicyGradient


def objective() -> PolicyGradient:
    """
    Raises:
        ModelUnavailable: the start has not been shipped.
    """
    policy = generator()
    policy.load_state_dict(load_network(type(policy), CHECKPOINTS / START.name).state_dict())
    judge = Discriminator(len(policy.vocabulary), embedding=128, width=256, dropout=0.5)
    return PolicyGradient(policy, judge, rounds=2, lead=1_500, shown=shown)


RECIPE = Recipe(
    name="text-gan-tang",
    objective=objective,
    data=training_lines,
    optimisers={
        "generator": Optimiser(lr=3e-4, betas=(0.5, 0.99), clip=1.0),
        "discriminator": Optimiser(lr=5e-3, betas=(0.5, 0.99)),
    },
    ships="generator",
    batch=256,
    steps=3_000,
    ema=0.98,
    half=True,
)
