"""A class-conditional deep convolutional GAN for 28x28 grey digits.

Two networks play against each other (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661).
The generator G turns noise z ~ N(0, I) and a class y into a picture; the discriminator D gives a
score, high for real pictures of class y and low for made ones. With the non-saturating loss

    L_D = E[softplus(-D(x, y))] + E[softplus(D(G(z, y), y))]        real up, made down
    L_G = E[softplus(-D(G(z, y), y))]                               make D's score go up

where softplus(-a) = -log sigmoid(a), so D's score is a logit of "real".

The layers follow DCGAN (Radford, Metz & Chintala 2015, https://arxiv.org/abs/1511.06434): no
pooling, strided convolutions down and transposed ones up, batch normalisation everywhere but at
G's output and D's input, ReLU and tanh in G, LeakyReLU in D, weights from N(0, 0.02).
The class enters G as a learned embedding beside z, and D by projection
(Miyato & Koyama 2018, https://arxiv.org/abs/1802.05637):

    D(x, y) = w . f(x) + b + v_y . f(x)

with f(x) the last features: one part asks "is it real", the other "does it look like a y".

The non-saturating L_G punishes a picture that D sees through more than a kind of picture that is
missing (Arjovsky & Bottou 2017, https://arxiv.org/abs/1701.04862), and this G draws its digits a
little too much alike. Noise somewhat wider than in training gives variety back; `spread` says how
much. It is the truncation trick (Brock, Donahue & Simonyan 2018,
https://arxiv.org/abs/1809.11096) turned round.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.functional import softplus

from aigc_core.text import Text


class Generator(nn.Module, PyTorchModelHubMixin):
    """Noise and class to picture: 7x7 features, doubled twice to 28x28.

    Attributes:
        layers: what each of `stages` does, for people.

    Args:
        latent_dim: length of z.
        class_dim: length of the class embedding.
        class_counts: training examples of each class, so that a class may be drawn as often.
        width: channels at 14x14; 7x7 has twice as many.
        spread: standard deviation of the noise to draw with; in training it is 1.
    """

    layers: ClassVar[Mapping[str, Text]] = {
        "project": Text("noise and class become a coarse plan", "噪声和类别变成粗略的草图"),
        "up": Text("strokes appear at twice the size", "放大一倍，笔画出现"),
        "paint": Text("all maps are mixed into one picture", "所有特征图合成一幅图"),
    }

    def __init__(
        self,
        *,
        class_counts: Sequence[int],
        latent_dim: int = 64,
        class_dim: int = 16,
        width: int = 64,
        spread: float = 1.0,
    ) -> None:
        super().__init__()
        self.latent_dim, self.spread = latent_dim, spread
        self.class_counts = class_counts
        self.embed = nn.Embedding(len(class_counts), class_dim)
        self.project = nn.Sequential(
            nn.Linear(latent_dim + class_dim, 2 * width * 7 * 7, bias=False),
            nn.Unflatten(1, (2 * width, 7, 7)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
        )
        self.up = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.paint = nn.Sequential(nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1), nn.Tanh())
        self.apply(initialise)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Pictures (n, 1, 28, 28) in -1..1 from noise (n, latent_dim) and classes (n,)."""
        *_, (_, picture) = self.stages(z, y)
        return picture

    def stages(self, z: Tensor, y: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The same computation, layer by layer: (name, activations (n, channels, h, w))."""
        h = self.project(torch.cat([z, self.embed(y)], dim=1))
        yield "project", h
        h = self.up(h)
        yield "up", h
        yield "paint", self.paint(h)

    @torch.no_grad()
    def sample(self, z: Tensor, y: Tensor) -> Tensor:
        """Pictures (n, 28, 28) in 0..1, the paper's whole sampler: one forward pass."""
        return (self(z, y).squeeze(1) + 1) / 2


class Discriminator(nn.Module):
    """Picture and class to a logit of "real": 28x28 halved twice to 7x7, then projected.

    Args:
        classes: number of classes.
        width: channels at 14x14; 7x7 has twice as many.
    """

    def __init__(self, *, classes: int = 10, width: int = 64) -> None:
        super().__init__()
        features = 2 * width * 7 * 7
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.real = nn.Linear(features, 1)
        self.project = nn.Embedding(classes, features)
        self.apply(initialise)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (n,) for pictures (n, 1, 28, 28) in -1..1 and classes (n,)."""
        f = self.body(x)
        return self.real(f).squeeze(1) + (self.project(y) * f).sum(dim=1)


def initialise(layer: nn.Module) -> None:
    """DCGAN's start: weights from N(0, 0.02), batch-norm gains from N(1, 0.02), no offsets."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
    bias = getattr(layer, "bias", None)
    if bias is not None:
        nn.init.zeros_(bias)


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """L_D from logits (n,) on real and on made pictures; a scalar in nats."""
    return softplus(-real).mean() + softplus(made).mean()


def generator_loss(made: Tensor) -> Tensor:
    """L_G, non-saturating, from logits (n,) on made pictures; a scalar in nats."""
    return softplus(-made).mean()
