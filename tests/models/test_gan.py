"""The original GAN: its losses against cross-entropy, and its sampler."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from aigc_core.models.gan import Discriminator, Generator, discriminator_loss, generator_loss
from aigc_core.models.protocols import ImageSampler

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


def test_the_losses_are_cross_entropies():
    real, made = torch.tensor([2.0, -1.0, 30.0]), torch.tensor([-3.0, 0.5, 40.0])
    ones, zeros = torch.ones(3), torch.zeros(3)
    truth = binary_cross_entropy_with_logits(real, ones)
    truth = truth + binary_cross_entropy_with_logits(made, zeros)
    torch.testing.assert_close(discriminator_loss(real, made), truth)
    torch.testing.assert_close(generator_loss(made), binary_cross_entropy_with_logits(made, ones))


def test_the_generators_loss_is_steep_where_the_discriminator_is_sure():
    """The reason for the non-saturating loss: the original one is flat there."""
    made = torch.tensor([-20.0], requires_grad=True)
    (slope,) = torch.autograd.grad(generator_loss(made), made)
    assert float(slope) == pytest.approx(-1.0, abs=1e-6)
    saturating = -torch.nn.functional.softplus(made).mean()
    (flat,) = torch.autograd.grad(saturating, made)
    assert abs(float(flat)) < 1e-8


def test_it_samples_pictures_without_classes():
    torch.manual_seed(0)
    generator: ImageSampler = Generator(latent_dim=6, sides=(3, 4)).eval()
    z = torch.randn(5, 6)
    one, other = (generator.sample(z, torch.full((5,), label)) for label in (0, 9))
    assert one.shape == (5, 28, 28)
    assert 0 <= float(one.min()) <= float(one.max()) <= 1
    assert torch.equal(one, other)
    stages = list(generator.stages(z, torch.zeros(5, dtype=torch.long)))
    assert [(name, tuple(units.shape[1:])) for name, units in stages] == [
        ("first", (1, 3, 3)),
        ("second", (1, 4, 4)),
        ("paint", (1, 28, 28)),
    ]
    torch.testing.assert_close((stages[-1][1][:, 0] + 1) / 2, one)


def test_the_discriminator_forgets_units_in_training_only():
    torch.manual_seed(0)
    discriminator = Discriminator(width=16)
    x = torch.rand(4, 1, 28, 28)
    assert discriminator(x).shape == (4,)
    assert not torch.equal(discriminator(x), discriminator(x))
    discriminator.eval()
    assert torch.equal(discriminator(x), discriminator(x))
