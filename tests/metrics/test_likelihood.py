"""The bounds of a VAE on a few digits, against torch's own distributions."""

from typing import get_args

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from aigc_core.data.mnist import Digits
from aigc_core.metrics.glossary import BETTER, METRICS, Better
from aigc_core.metrics.likelihood import PART, bounds, likelihood_figures
from aigc_core.metrics.report_digits import likelihood_protocol
from aigc_core.models.vae import VAE
from aigc_core.tasks.latent import IW_SAMPLES

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


@pytest.fixture
def vae() -> VAE:
    torch.manual_seed(0)
    return VAE(class_counts=[1] * 10, latent_dim=3, width=16).eval()


def digits(count: int) -> Digits:
    rng = np.random.default_rng(0)
    pixels = rng.choice(np.array([0, 255], np.uint8), (count, 28, 28))
    return Digits(pixels, rng.integers(0, 10, count))


def test_each_digit_has_its_own_bounds(vae: VAE):
    """Black and white digits are drawn as they are, so only z is left to chance."""
    given = digits(20)
    x, y = torch.from_numpy(given.images / 255).float(), torch.from_numpy(given.labels)
    distortion, rate, _ = bounds(vae, given, samples=2, seed=0)
    mean, log_variance = vae.encode(x, y)
    posterior = Normal(mean, (log_variance / 2).exp())
    prior = Normal(torch.zeros(3), torch.ones(3))
    np.testing.assert_allclose(
        rate, kl_divergence(posterior, prior).sum(1).detach().numpy(), rtol=1e-5
    )
    pixels = Independent(Bernoulli(logits=vae.decode(mean, y)), 2)
    np.testing.assert_allclose(distortion, -pixels.log_prob(x).detach().numpy(), rtol=0.05)


def test_a_seed_gives_the_same_and_parts_are_no_border(vae: VAE):
    given = digits(PART + 3)
    one, again = (bounds(vae, given, 1, seed=5) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        assert a.shape == (PART + 3,)
        np.testing.assert_array_equal(a, b)


def test_the_figures_of_a_card(vae: VAE):
    given = digits(30)
    figures = {f.name: f for f in likelihood_figures(vae, given, "sha256:0", samples=5)}
    assert set(figures) <= set(METRICS)
    cost = figures["elbo_nll"]
    assert cost.value == pytest.approx(
        figures["distortion"].value + figures["rate"].value, rel=1e-5
    )
    assert figures["iw_nll"].value < cost.value + 4 * cost.args["error"]
    assert figures["iw_nll"].args["samples"] == 5
    assert cost.args["n"] == 30
    low, high = cost.args["quantiles"][0], cost.args["quantiles"][-1]
    assert low <= cost.value <= high
    assert all(figure.args["given"] == "class" for figure in figures.values())
    _, _, tight = bounds(vae, given, 5, 0)
    assert figures["iw_nll"].value == pytest.approx(tight.mean(), rel=1e-5)


def test_without_classes_nothing_is_given():
    network = VAE(latent_dim=3, width=16).eval()
    figures = [*likelihood_figures(network, digits(4), "sha256:0", samples=2)]
    assert not any("given" in figure.args for figure in figures)


def test_rate_and_distortion_have_no_better_side():
    """They are traded for each other, and a rate of 0 is a collapsed posterior."""
    assert METRICS["rate"].better == METRICS["distortion"].better == "neither"
    assert METRICS["elbo_nll"].better == "lower"
    assert set(BETTER) == set(get_args(Better))
    assert all(f"{IW_SAMPLES}" in text for text in METRICS["iw_nll"].says)


@pytest.mark.parametrize(("counts", "told"), [((), False), ((1,) * 10, True)])
def test_the_card_says_when_the_class_was_given(counts: tuple[int, ...], told: bool):
    network = VAE(class_counts=counts, latent_dim=3, width=16)
    en, zh = likelihood_protocol(network, 30)
    assert "30 test digits" in en
    assert ("log p(x | class)" in en) == ("log p(x | 类别)" in zh) == told
