"""A class-conditional Wasserstein GAN with gradient penalty, for 28x28 grey digits.

A discriminator's logit tells real from made, and once it can, it says nothing more. The critic C
of a Wasserstein GAN (Arjovsky, Chintala & Bottou 2017, https://arxiv.org/abs/1701.07875) measures
how far the made pictures are from the real ones instead: among functions whose slope is at most 1,

    W(real, made) = max over C of   E[C(x)] - E[C(G(z))]

is the least work it takes to carry one heap of pictures over into the other. It falls as the
pictures get better, so it can be watched, which no discriminator's loss can. The slope is kept
near 1 by a penalty (Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028) at points u between
real and made pictures:

    L_C = E[C(G(z))] - E[C(x)] + 10 E[(|grad C(u)| - 1)²]
    L_G = -E[C(G(z))]                                    u = e x + (1 - e) G(z), e ~ U(0, 1)

C must be near its best before G takes a step, so it takes several for each of G's. As the penalty
is on the slope at each single picture, C may not look across a batch: no batch normalisation in C.

The class enters G as a learned embedding beside z, and C by projection (Miyato & Koyama 2018,
https://arxiv.org/abs/1802.05637): C(x, y) = w . f(x) + b + v_y . f(x), with f(x) the last
features. All of the above then holds within each class.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from aigc_core.text import Text


class Generator(nn.Module, PyTorchModelHubMixin):
    """Noise and class to picture: 7x7 features, doubled twice to 28x28.

    Attributes:
        layers: what each of `stages` does, for people.

    Args:
        class_counts: training examples of each class, so that a class may be drawn as often.
        latent_dim: length of z.
        class_dim: length of the class embedding.
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
        width: int = 48,
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


class Critic(nn.Module):
    """Picture and class to a height whose slope is near 1: 28x28 halved twice, then projected.

    Args:
        classes: number of classes.
        width: channels at 14x14; 7x7 has twice as many.
    """

    def __init__(self, *, classes: int = 10, width: int = 32) -> None:
        super().__init__()
        features = 2 * width * 7 * 7
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.real = nn.Linear(features, 1)
        self.project = nn.Embedding(classes, features)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Heights (n,) of pictures (n, 1, 28, 28) in -1..1 and classes (n,)."""
        f = self.body(x)
        return self.real(f).squeeze(1) + (self.project(y) * f).sum(dim=1)


def critic_loss(critic: nn.Module, real: Tensor, made: Tensor, y: Tensor, mix: Tensor) -> Tensor:
    """L_C, a scalar, from pictures (n, 1, 28, 28), their classes and e (n, 1, 1, 1) in 0..1."""
    between = (mix * real + (1 - mix) * made).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between, y).sum(), between, create_graph=True)
    steepness = slope.flatten(1).norm(dim=1)
    return critic(made, y).mean() - critic(real, y).mean() + 10 * ((steepness - 1) ** 2).mean()


def generator_loss(made: Tensor) -> Tensor:
    """L_G from the heights (n,) of made pictures; a scalar."""
    return -made.mean()
