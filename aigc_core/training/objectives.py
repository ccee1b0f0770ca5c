"""The games that models are trained by; a recipe picks one."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from aigc_core.models.protocols import ImageSampler
from aigc_core.models.vae import VAE
from aigc_core.training.recipe import Networks, Step


def to_unit(images: Tensor) -> Tensor:
    """uint8 pictures to floats in 0..1."""
    return images.float() / 255


class Adversarial:
    """A generator against a discriminator, one step each; both are told the classes.

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

    def step(self, batch: tuple[Tensor, ...], rng: Generator, number: int = 0) -> Step:
        images, y = batch
        real = (to_unit(images) * 2 - 1).unsqueeze(1)
        z = torch.randn(len(y), self.latent_dim, generator=rng, device=y.device)
        made = self.generator(z, y)

        def score(x: Tensor) -> Tensor:
            return cast(Tensor, self.discriminator(self.seen(x, number, rng), y))

        yield "discriminator", self.discriminator_loss(score(real), score(made.detach()))
        yield "generator", self.generator_loss(score(made))

    def seen(self, x: Tensor, _number: int, _rng: Generator) -> Tensor:
        """What the discriminator sees of pictures, real or made, in a step."""
        return x

    def show(self, networks: Networks) -> Tensor:
        return hundred(networks["generator"])


class Noised(Adversarial):
    """The same game, but all pictures come to the discriminator with noise on them.

    Real pictures and made ones are thin sets that hardly meet, so a discriminator can soon tell
    them apart by details and teaches the generator nothing. Noise makes them overlap (Arjovsky &
    Bottou 2017, https://arxiv.org/abs/1701.04862; Sønderby et al. 2017,
    https://arxiv.org/abs/1610.04490). It fades away, so that details count in the end.

    Args:
        noise: its standard deviation in the first step; pictures are in -1..1.
        fading: steps until there is none.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        discriminator_loss: Callable[[Tensor, Tensor], Tensor],
        generator_loss: Callable[[Tensor], Tensor],
        *,
        noise: float,
        fading: int,
    ) -> None:
        super().__init__(generator, discriminator, discriminator_loss, generator_loss)
        self.noise, self.fading = noise, fading

    def seen(self, x: Tensor, number: int, rng: Generator) -> Tensor:
        deviation = self.noise * max(0.0, 1 - number / self.fading)
        return x + deviation * torch.randn(x.shape, generator=rng, device=x.device)


class Wasserstein:
    """A generator against a critic that takes several steps for each of the generator's.

    Args:
        generator: maps noise (n, latent_dim) and classes (n,) to pictures (n, 1, h, w) in -1..1.
        critic: maps pictures and classes to heights (n,).
        critic_loss: from the critic, real and made pictures, classes, and e (n, 1, 1, 1) in 0..1.
        generator_loss: from the heights of made pictures.
        rounds: the critic's steps for one of the generator's; a batch is cut into as many parts.
    """

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        critic_loss: Callable[[nn.Module, Tensor, Tensor, Tensor, Tensor], Tensor],
        generator_loss: Callable[[Tensor], Tensor],
        rounds: int = 5,
    ) -> None:
        self.generator, self.critic = generator, critic
        self.latent_dim = cast(ImageSampler, generator).latent_dim
        self.players: dict[str, nn.Module] = {"generator": generator, "critic": critic}
        self.critic_loss, self.generator_loss = critic_loss, generator_loss
        self.rounds = rounds

    def step(self, batch: tuple[Tensor, ...], rng: Generator, _: int = 0) -> Step:
        parts = zip(*(column.chunk(self.rounds) for column in batch), strict=True)
        for images, y in parts:
            real = (to_unit(images) * 2 - 1).unsqueeze(1)
            with torch.no_grad():
                made = self._made(y, rng)
            mix = torch.rand(len(y), 1, 1, 1, generator=rng, device=y.device)
            yield "critic", self.critic_loss(self.critic, real, made, y, mix)
        yield "generator", self.generator_loss(self.critic(self._made(y, rng), y))

    def _made(self, y: Tensor, rng: Generator) -> Tensor:
        z = torch.randn(len(y), self.latent_dim, generator=rng, device=y.device)
        return self.generator(z, y)

    def show(self, networks: Networks) -> Tensor:
        return hundred(networks["generator"])


class Variational:
    """The evidence lower bound of a VAE, with each picture drawn anew as black and white.

    Salakhutdinov & Murray 2008: a pixel of grey g is white with probability g, in every step.

    Args:
        network: has `bounds`.
        beta: the weight of the rate.
        warmup: steps over which that weight rises from zero. Else latents that are not yet of
            use are given up early (Bowman et al. 2016, https://arxiv.org/abs/1511.06349).
    """

    def __init__(self, network: VAE, beta: float = 1.0, warmup: int = 0) -> None:
        self.players: dict[str, nn.Module] = {"vae": network}
        self.network, self.beta, self.warmup = network, beta, warmup

    def step(self, batch: tuple[Tensor, ...], rng: Generator, number: int = 0) -> Step:
        images, y = batch
        distortion, rate = self.network.bounds(binarised(to_unit(images), rng), y, rng)
        weight = self.beta * min(1.0, (number + 1) / (self.warmup + 1))
        yield "vae", (distortion + weight * rate).mean()

    def show(self, networks: Networks) -> Tensor:
        return hundred(networks["vae"])


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

    def step(self, batch: tuple[Tensor, ...], rng: Generator, _: int = 0) -> Step:
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


def binarised(x: Tensor, rng: Generator) -> Tensor:
    """Zeros and ones, drawn with the grey values in 0..1 as probabilities."""
    return (torch.rand(x.shape, generator=rng, device=x.device) < x).float()


def hundred(network: nn.Module) -> Tensor:
    """Ten rows from the same noise each time: the digits 0 to 9, where the network knows them."""
    sampler, device = cast(ImageSampler, network), next(network.parameters()).device
    z = torch.randn(100, sampler.latent_dim, generator=Generator().manual_seed(0)).to(device)
    return sampler.sample(z, torch.arange(100, device=device) % 10)
