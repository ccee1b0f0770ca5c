"""The games that models are trained by; a recipe picks one."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from aigc_core.models.protocols import ImageSampler
from aigc_core.training.recipe import Networks, Step


def to_unit(images: Tensor) -> Tensor:
    """uint8 pictures to floats in 0..1."""
    return images.float() / 255


class Adversarial:
    """A class-conditional generator against a discriminator, one step each.

    Args:
        generator: maps noise (n, latent_dim) and classes (n,) to pictures (n, 1, h, w) in -1..1.
        discriminator: maps pictures and classes to logits (n,).
        discriminator_loss: from logits on real and on made pictures.
        generator_loss: from logits on made pictures.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        discriminator_loss: Callable[[Tensor, Tensor], Tensor],
        generator_loss: Callable[[Tensor], Tensor],
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.latent_dim = cast(ImageSampler, generator).latent_dim
        self.players = {"generator": generator, "discriminator": discriminator}
        self.discriminator_loss = discriminator_loss
        self.generator_loss = generator_loss

    def step(self, batch: tuple[Tensor, ...], rng: Generator) -> Step:
        images, y = batch
        real = (to_unit(images) * 2 - 1).unsqueeze(1)
        z = torch.randn(len(y), self.latent_dim, generator=rng, device=y.device)
        made = self.generator(z, y)
        score = self.discriminator
        yield "discriminator", self.discriminator_loss(score(real, y), score(made.detach(), y))
        yield "generator", self.generator_loss(score(made, y))

    def show(self, networks: Networks) -> Tensor:
        """Ten rows of the digits 0 to 9, from the same noise each time."""
        device = next(networks["generator"].parameters()).device
        z = torch.randn(100, self.latent_dim, generator=Generator().manual_seed(0)).to(device)
        y = torch.arange(100, device=device) % 10
        return cast(ImageSampler, networks["generator"]).sample(z, y)


class Classification:
    """Cross-entropy on pictures that are shifted, turned, scaled and sheared a little.

    Args:
        network: maps pictures (n, h, w) in 0..1 to logits.
        jitter: how far each entry of the affine map may leave the identity's, in half widths.
        smoothing: label smoothing.
    """

    def __init__(self, network: nn.Module, *, jitter: float = 0.14, smoothing: float = 0.0) -> None:
        self.players = {"classifier": network}
        self.jitter = jitter
        self.smoothing = smoothing

    def step(self, batch: tuple[Tensor, ...], rng: Generator) -> Step:
        images, y = batch
        x = self.augmented(to_unit(images), rng)
        logits = self.players["classifier"](x)
        yield "classifier", cross_entropy(logits, y, label_smoothing=self.smoothing)

    def augmented(self, x: Tensor, rng: Generator) -> Tensor:
        noise = torch.rand(len(x), 2, 3, generator=rng, device=x.device) * 2 - 1
        maps = torch.eye(2, 3, device=x.device) + self.jitter * noise
        grid = affine_grid(maps, [len(x), 1, *x.shape[1:]], align_corners=False)
        return grid_sample(x.unsqueeze(1), grid, align_corners=False).squeeze(1)

    def show(self, _: Networks) -> None:
        return None
