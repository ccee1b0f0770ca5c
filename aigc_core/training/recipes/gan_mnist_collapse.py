"""A GAN that is set up to collapse, to be looked at: its history ships, its weights do not.

It learns the digits first. Then its discriminator nearly stops learning, and the best answer to a
discriminator that stands still is the one picture that passes best, whatever the noise. Nothing
holds the generator back from that, as it has no batch normalisation. About two minutes on one core.
"""

from torch import Generator as Random
from torch import Tensor, nn

from aigc_core.data.mnist import training_digits
from aigc_core.models.gan import Discriminator, Generator, discriminator_loss, generator_loss
from aigc_core.training.objectives import Adversarial
from aigc_core.training.recipe import Optimiser, Recipe, Step


class Slackening(Adversarial):
    """The game, in which the discriminator grows idle.

    Args:
        until: steps in which it learns from each batch.
        every: from then on it learns from one batch in so many.
    """

    def __init__(self, until: int, every: int) -> None:
        generator, discriminator = bare_generator(), Discriminator(width=256)
        super().__init__(generator, discriminator, discriminator_loss, generator_loss)
        self.until, self.every = until, every

    def step(self, batch: tuple[Tensor, ...], rng: Random, number: int = 0) -> Step:
        idle = number >= self.until and number % self.every > 0
        for player, loss in super().step(batch, rng, number):
            # Its loss is told all the same, but without a slope.
            still = idle and player == "discriminator"
            yield player, loss.detach() + 0 * loss if still else loss


def bare_generator() -> Generator:
    """The GAN's generator, smaller and without its batch normalisation."""
    network = Generator(sides=(16, 16))
    for layer in (network.first, network.second):
        layer[1] = nn.Identity()
    return network


RECIPE = Recipe(
    name="gan-mnist-collapse",
    objective=lambda: Slackening(until=2_000, every=40),
    data=training_digits,
    optimisers={
        "generator": Optimiser(lr=1e-3, betas=(0.5, 0.999)),
        "discriminator": Optimiser(lr=1e-3, betas=(0.5, 0.999)),
    },
    ships="generator",
    batch=64,
    steps=8_000,
    ema=None,
)
