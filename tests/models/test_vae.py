"""The VAE against torch's own distributions, and its bounds against each other."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from aigc_core.models.protocols import ImageSampler
from aigc_core.models.vae import VAE

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

COUNTS = [5, 3, 2]


@pytest.fixture(params=[0, 1], ids=["two hidden layers", "and a residual one"])
def residual(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(params=[(), COUNTS], ids=["without classes", "with classes"])
def vae(request: pytest.FixtureRequest, residual: int) -> VAE:
    torch.manual_seed(0)
    return VAE(class_counts=request.param, latent_dim=3, width=16, residual=residual).eval()


def examples(count: int = 4) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.rand(count, 28, 28, generator=rng).round(), torch.arange(count) % 3


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def test_rate_and_distortion_are_those_of_torchs_distributions(vae: VAE):
    x, y = examples()
    mean, log_variance = vae.encode(x, y)
    posterior = Normal(mean, (log_variance / 2).exp())
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    z = mean + posterior.stddev * torch.randn(mean.shape, generator=rng())
    pixels = Independent(Bernoulli(logits=vae.decode(z, y)), 2)
    distortion, rate = vae.bounds(x, y, rng())
    torch.testing.assert_close(rate, kl_divergence(posterior, prior).sum(1))
    torch.testing.assert_close(distortion, -pixels.log_prob(x))


def test_the_bound_with_one_draw_is_on_average_the_elbo(vae: VAE):
    x, y = examples(2)
    torch.nn.init.normal_(vae.encoder[-1].weight, std=0.3)
    many = rng()
    with torch.no_grad():
        elbo = torch.stack([-sum(vae.bounds(x, y, many)) for _ in range(3000)])
    once = torch.stack([vae.log_likelihood(x, y, 1, many) for _ in range(3000)])
    spread = 4 * (elbo.std(0) + once.std(0)) / math.sqrt(3000)
    assert ((elbo.mean(0) - once.mean(0)).abs() < spread).all()


def test_more_draws_bound_closer_and_the_decoder_alone_decides_the_limit(vae: VAE):
    """With a decoder that ignores z, log p(x) is known, and any q must come to it."""
    x, y = examples(2)
    torch.nn.init.normal_(vae.encoder[-1].weight, std=0.8)
    torch.nn.init.zeros_(vae.paint.weight)
    with torch.no_grad():
        truth = -(torch.nn.functional.softplus(vae.paint.bias) - vae.paint.bias * x.flatten(1))
        truth = truth.sum(1)
    many = rng()
    averages = [
        torch.stack([vae.log_likelihood(x, y, k, many) for _ in range(repeats)]).mean(0)
        for k, repeats in ((1, 300), (10, 100), (200, 40))
    ]
    sums = [float(average.sum()) for average in averages]
    assert sums[0] < sums[1] - 0.01
    assert sums[1] < sums[2] + 0.05
    torch.testing.assert_close(averages[2], truth, atol=0.05, rtol=0)


def test_samples_are_probabilities_and_the_last_stage_shows_them(vae: VAE):
    sampler: ImageSampler = vae
    z, y = torch.randn(5, 3, generator=rng()), torch.arange(5) % 3
    sampled = sampler.sample(z, y)
    assert sampled.shape == (5, 28, 28)
    assert 0 < float(sampled.min()) < float(sampled.max()) < 1
    stages = list(sampler.stages(z, y))
    assert [name for name, _ in stages] == list(vae.layers)
    torch.testing.assert_close((stages[-1][1][:, 0] + 1) / 2, sampled)


def test_only_a_model_of_classes_sees_the_class(vae: VAE):
    z, x = torch.randn(1, 3, generator=rng()), examples(1)[0]
    zero, one = torch.tensor([0]), torch.tensor([1])
    known = bool(vae.class_counts)
    assert torch.equal(vae.sample(z, zero), vae.sample(z, one)) != known
    assert torch.equal(vae.encode(x, zero)[0], vae.encode(x, one)[0]) != known
