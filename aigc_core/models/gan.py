"""The original generative adversarial network: fully connected layers, for 28x28 grey digits.

Two networks play a game (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661). The generator G
turns noise z ~ N(0, I) into a picture; the discriminator D gives the logit of "this one is real".
D is paid for telling real pictures x from made ones, G for passing as real:

    min over G, max over D of   E[log sigmoid(D(x))] + E[log(1 - sigmoid(D(G(z))))]

Where D is sure of itself, log(1 - sigmoid(a)) is flat and G would learn nothing. So G raises
E[log sigmoid(D(G(z)))] instead, which has the same fixed point and a steep slope there: the
paper's non-saturating loss. With softplus(-a) = -log sigmoid(a) the two losses are

    L_D = E[softplus(-D(x))] + E[softplus(D(G(z)))]
    L_G = E[softplus(-D(G(z)))]

Nothing in here knows that pixels have neighbours: a picture is a list of 784 numbers. D may have
dropout, as in the paper, so that it cannot learn the training pictures by heart. G has batch
normalisation, which is younger (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167): without
it many noises end up in one picture.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.functional import softplus

from aigc_core.text import Text

PIXELS = 28 * 28


class Generator(nn.Module, PyTorchModelHubMixin):
    """Noise to picture through two hidden layers.

    Attributes:
        class_counts: empty, as it knows no classes.
        layers: what each of `stages` does, for people.

    Args:
        latent_dim: length of z.
        sides: of the hidden layers, whose side² units are shown as a square.
        spread: standard deviation of the noise to draw with; in training it is 1.
    """

    class_counts: Sequence[int] = ()
    layers: ClassVar[Mapping[str, Text]] = {
        "first": Text(
            "the noise is mixed into units that switch on and off", "噪声混合成一些单元，或开或关"
        ),
        "second": Text(
            "units for parts of digits, in no order", "对应数字各部分的单元，没有空间顺序"
        ),
        "paint": Text("each pixel is a sum over all units", "每个像素都是所有单元的加权和"),
    }

    def __init__(
        self, *, latent_dim: int = 64, sides: Sequence[int] = (16, 32), spread: float = 1.0
    ) -> None:
        super().__init__()
        self.latent_dim, self.spread = latent_dim, spread
        first, second = (side * side for side in sides)
        self.first = hidden(latent_dim, first)
        self.second = hidden(first, second)
        self.paint = nn.Sequential(nn.Linear(second, PIXELS), nn.Tanh())

    def forward(self, z: Tensor, _: Tensor | None = None) -> Tensor:
        """Pictures (n, 1, 28, 28) in -1..1 from noise (n, latent_dim); classes are not known."""
        return list(self.stages(z))[-1][1]

    def stages(self, z: Tensor, _: Tensor | None = None) -> Iterator[tuple[str, Tensor]]:
        """The same computation, layer by layer: (name, units (n, 1, side, side))."""
        h = self.first(z)
        yield "first", square(h)
        h = self.second(h)
        yield "second", square(h)
        yield "paint", square(self.paint(h))

    @torch.no_grad()
    def sample(self, z: Tensor, _: Tensor | None = None) -> Tensor:
        """Pictures (n, 28, 28) in 0..1, the paper's whole sampler: one forward pass."""
        return (self(z).squeeze(1) + 1) / 2


class Discriminator(nn.Module):
    """Picture to a logit of "real".

    Args:
        width: units of the first hidden layer; the second has half as many.
        dropout: share of units dropped in training.
    """

    def __init__(self, *, width: int = 512, dropout: float = 0.3) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(PIXELS, width),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(width, width // 2),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(width // 2, 1),
        )

    def forward(self, x: Tensor, _: Tensor | None = None) -> Tensor:
        """Logits (n,) for pictures (n, 1, 28, 28) in -1..1; classes are not known."""
        return self.body(x).squeeze(1)


def hidden(units_in: int, units_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(units_in, units_out, bias=False), nn.BatchNorm1d(units_out), nn.ReLU()
    )


def square(h: Tensor) -> Tensor:
    """(n, side²) as (n, 1, side, side)."""
    side = round(h.shape[1] ** 0.5)
    return h.reshape(-1, 1, side, side)


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """L_D from logits (n,) on real and on made pictures; a scalar in nats."""
    return softplus(-real).mean() + softplus(made).mean()


def generator_loss(made: Tensor) -> Tensor:
    """L_G, non-saturating, from logits (n,) on made pictures; a scalar in nats."""
    return softplus(-made).mean()
