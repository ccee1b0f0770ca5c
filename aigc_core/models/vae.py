"""A variational autoencoder of fully connected layers, for 28x28 digits of black and white pixels.

A latent-variable model says how a picture x comes about: draw z ~ N(0, I), then each pixel from a
Bernoulli distribution whose probability the decoder computes from z. Its likelihood p(x) is an
integral over all z that nobody can do. The VAE (Kingma & Welling 2014,
https://arxiv.org/abs/1312.6114) guesses with an encoder which z are worth a look, q(z|x) =
N(mean(x), var(x)), and bounds the likelihood from below by the evidence lower bound:

    log p(x) >= ELBO(x) = E_q[log p(x|z)] - KL(q(z|x) || N(0, I))
                        = -distortion     - rate

The distortion is what the picture costs in nats once z is known, the rate what z itself costs. To
get a gradient through the draw, z = mean + std * noise: the noise is drawn, not z. Beta (Higgins
et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl) weighs the two against each other:

    L = distortion + beta * rate,    KL(N(m, s²) || N(0, 1)) = (m² + s² - 1 - log s²) / 2 each

With k draws the importance-weighted bound (Burda et al. 2016, https://arxiv.org/abs/1509.00519)
comes closer to log p(x) as k grows, and is the ELBO at k = 1:

    log p(x) >= E[log 1/k sum_i p(x, z_i) / q(z_i|x)]

Where the model knows classes, encoder and decoder both see them (Sohn et al. 2015), so that z need
not say which digit it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log, pi
from typing import ClassVar

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from aigc_core.text import Text

PIXELS = 28 * 28


class VAE(nn.Module, PyTorchModelHubMixin):
    """Encoder and decoder.

    Attributes:
        layers: what each of `stages` does, for people.

    Args:
        class_counts: training examples of each class; empty for a model without classes.
        latent_dim: length of z.
        width: units of each hidden layer; a square, so that they can be looked at as one.
        residual: layers in each half beyond the two hidden ones.
        spread: standard deviation of the latents to draw with; 1 is the model's own.
    """

    layers: ClassVar[Mapping[str, Text]] = {
        "first": Text(
            "the latent is mixed into units that switch on and off",
            "潜变量混合成一些单元，或开或关",
        ),
        "second": Text(
            "units for parts of digits, in no order", "对应数字各部分的单元，没有空间顺序"
        ),
        "paint": Text("for each pixel the probability that it is white", "每个像素为白色的概率"),
    }

    def __init__(
        self,
        *,
        class_counts: Sequence[int] = (),
        latent_dim: int = 32,
        width: int = 576,
        residual: int = 0,
        spread: float = 1.0,
    ) -> None:
        super().__init__()
        self.class_counts = class_counts
        self.latent_dim, self.spread = latent_dim, spread
        classes = len(class_counts)
        self.encoder = nn.Sequential(
            *hidden(PIXELS + classes, width),
            *hidden(width, width),
            *(Residual(width) for _ in range(residual)),
            nn.Linear(width, 2 * latent_dim),
        )
        self.first = hidden(latent_dim + classes, width)
        self.second = hidden(width, width).extend(Residual(width) for _ in range(residual))
        self.paint = nn.Linear(width, PIXELS)

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (n, latent_dim) of q(z|x), from pictures (n, 28, 28) in 0..1."""
        mean, log_variance = self.encoder(self._with_class(2 * x.flatten(1) - 1, y)).chunk(2, 1)
        return mean, log_variance

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        """Logits (n, 28, 28) of "this pixel is white"."""
        return self.paint(self.second(self.first(self._with_class(z, y)))).unflatten(1, (28, 28))

    def bounds(self, x: Tensor, y: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Distortion and rate (n,) in nats of pictures (n, 28, 28) of zeros and ones."""
        mean, log_variance = self.encode(x, y)
        z = draw(mean, log_variance, rng)
        rate = (mean**2 + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return distortion(x, self.decode(z, y)), rate

    @torch.no_grad()
    def log_likelihood(self, x: Tensor, y: Tensor, k: int, rng: torch.Generator) -> Tensor:
        """The importance-weighted bound (n,) on log p(x) in nats, with k draws each."""
        mean, log_variance = self.encode(x, y)
        weights = []
        for _ in range(k):
            z = draw(mean, log_variance, rng)
            prior = gaussian(z, torch.zeros_like(z), torch.zeros_like(z))
            posterior = gaussian(z, mean, log_variance)
            weights.append(prior - posterior - distortion(x, self.decode(z, y)))
        return torch.stack(weights).logsumexp(0) - log(k)

    def stages(self, z: Tensor, y: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The decoder, layer by layer: (name, units (n, 1, side, side)); the picture in -1..1."""
        h = self.first(self._with_class(z, y))
        yield "first", square(h)
        h = self.second(h)
        yield "second", square(h)
        yield "paint", 2 * square(self.paint(h)).sigmoid() - 1

    @torch.no_grad()
    def sample(self, z: Tensor, y: Tensor) -> Tensor:
        """Pictures (n, 28, 28) in 0..1: of each pixel the probability that it is white."""
        return self.decode(z, y).sigmoid()

    def _with_class(self, h: Tensor, y: Tensor) -> Tensor:
        if not self.class_counts:
            return h
        return torch.cat([h, one_hot(y, len(self.class_counts)).to(h.dtype)], dim=1)


class Residual(nn.Module):
    """A layer that adds to its input (He et al. 2016, https://arxiv.org/abs/1512.03385).

    Past a layer that has learned nothing yet, the latent still reaches the picture.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = hidden(width, width)

    def forward(self, h: Tensor) -> Tensor:
        """Units (n, width) from units (n, width)."""
        return h + self.change(h)


def hidden(units_in: int, units_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(units_in, units_out), nn.SiLU())


def draw(mean: Tensor, log_variance: Tensor, rng: torch.Generator) -> Tensor:
    """z ~ q(z|x), differentiable in mean and variance."""
    noise = torch.randn(mean.shape, generator=rng, device=mean.device)
    return mean + (log_variance / 2).exp() * noise


def distortion(x: Tensor, logits: Tensor) -> Tensor:
    """-log p(x|z) (n,) in nats."""
    return binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def gaussian(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log density (n,) of z under a Gaussian with independent entries."""
    terms = (z - mean) ** 2 / log_variance.exp() + log_variance + log(2 * pi)
    return -terms.sum(1) / 2


def square(h: Tensor) -> Tensor:
    """(n, side²) as (n, 1, side, side)."""
    side = round(h.shape[1] ** 0.5)
    return h.reshape(-1, 1, side, side)
