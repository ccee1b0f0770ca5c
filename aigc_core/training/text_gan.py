"""The objectives of a text GAN: its start by maximum likelihood, then the policy gradient."""

from collections.abc import Callable

import torch
from torch import Generator as Random
from torch import Tensor, nn

from aigc_core.models.text_gan import (
    NOTHING,
    Discriminator,
    Generator,
    discriminator_loss,
    expected_loss,
)
from aigc_core.training.recipe import Networks, Step

DRAWN = 16

Shown = Callable[[Generator], str]


class Likelihood:
    """-log q of real texts, in nats a word.

    Args:
        network: the generator.
        shown: what lets a person follow the training.
    """

    def __init__(self, network: Generator, shown: Shown | None = None) -> None:
        self.players: dict[str, nn.Module] = {"generator": network}
        self.network, self.shown = network, shown

    def step(self, batch: tuple[Tensor, ...], _rng: Random, _: int = 0) -> Step:
        ids = batch[0].long()
        yield "generator", self.network.costs(ids).sum() / (ids != NOTHING).sum()

    def show(self, networks: Networks) -> str | None:
        return self.shown(as_generator(networks)) if self.shown else None


class PolicyGradient:
    """A generator rewarded by a discriminator that reads along.

    Args:
        generator: the policy, mostly trained by maximum likelihood before.
        discriminator: tells the beginnings of real texts from those of made ones.
        rounds: its steps for one of the generator's; a batch is cut into as many parts.
        lead: steps at the start in which it plays alone. Its reward is noise before it has learned,
            and Adam makes a step of the same length from noise.
        shown: what lets a person follow the training.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        rounds: int = 1,
        lead: int = 0,
        shown: Shown | None = None,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.players: dict[str, nn.Module] = {
            "generator": generator,
            "discriminator": discriminator,
        }
        self.rounds, self.lead, self.shown = rounds, lead, shown

    def step(self, batch: tuple[Tensor, ...], rng: Random, number: int = 0) -> Step:
        for real in batch[0].long().chunk(self.rounds):
            made = self.made(len(real), rng)
            yield "discriminator", discriminator_loss(self.discriminator, real, made)
        if number >= self.lead:
            yield "generator", self.policy_loss(made)

    def policy_loss(self, made: Tensor) -> Tensor:
        """The generator's loss from texts that it has drawn."""
        # A reward with noise of its own teaches the noise, and a text is drawn without dropout.
        self.discriminator.eval()
        self.generator.eval()
        with torch.no_grad():
            d = self.discriminator.every(made)
        self.discriminator.train()
        return expected_loss(self.generator(made), made, d)

    def made(self, count: int, rng: Random) -> Tensor:
        u = torch.rand(count, self.generator.length, generator=rng, device=rng.device)
        return self.generator.sample(u)

    def show(self, networks: Networks) -> str | None:
        return self.shown(as_generator(networks)) if self.shown else None


def as_generator(networks: Networks) -> Generator:
    network = networks["generator"]
    assert isinstance(network, Generator)
    return network
