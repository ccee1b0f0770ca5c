"""The Wasserstein losses against what is known of critics whose slope is known."""

import pytest
import torch
from torch import Tensor, nn

from aigc_core.models.protocols import ImageSampler
from aigc_core.models.wgan_gp import Critic, Generator, critic_loss, generator_loss

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


class Plane(nn.Module):
    """A critic whose slope is the same everywhere."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((28 * 28,), slope / 28))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight


NONE = torch.empty(0, dtype=torch.long)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def pictures(count: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    random = rng()
    real, made = torch.rand(2, count, 1, 28, 28, generator=random) * 2 - 1
    return real, made, torch.rand(count, 1, 1, 1, generator=random)


@pytest.mark.parametrize("slope", [0.0, 1.0, 3.0])
def test_a_planes_penalty_is_that_of_its_slope(slope: float):
    real, made, mix = pictures()
    plane = Plane(slope)
    gap = plane(real, NONE).mean() - plane(made, NONE).mean()
    loss = critic_loss(plane, real, made, NONE, mix)
    torch.testing.assert_close(loss, 10 * torch.tensor(slope - 1) ** 2 - gap)


def test_the_penalty_pulls_a_planes_slope_to_one():
    real, _, mix = pictures()
    plane = Plane(3.0)
    optimiser = torch.optim.SGD(plane.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        # Between equal heaps there is nothing to tell apart, so the penalty alone is left.
        critic_loss(plane, real, real, NONE, mix).backward()
        optimiser.step()
    assert plane.weight.norm().item() == pytest.approx(1.0, abs=1e-3)


def test_the_penalty_is_taken_between_real_and_made_and_has_a_gradient():
    """A critic that is steep only near the real pictures: e decides how much is seen of it."""
    real, made = torch.ones(1, 1, 28, 28), torch.zeros(1, 1, 28, 28)

    class Bend(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return (x.flatten(1).mean(1) ** 2) * 14  # slope 28 * mean / 28 in norm

    critic = Bend()
    gap = critic(real, NONE).mean() - critic(made, NONE).mean()
    for e in (0.0, 0.5, 1.0):
        loss = critic_loss(critic, real, made, NONE, torch.full((1, 1, 1, 1), e))
        torch.testing.assert_close(loss, 10 * torch.tensor(e - 1.0) ** 2 - gap)


def test_a_trained_critic_finds_the_distance_between_two_heaps():
    """Two points: the Wasserstein distance is how far they are apart."""
    torch.manual_seed(0)
    real = torch.zeros(16, 1, 28, 28)
    made = torch.full((16, 1, 28, 28), 2 / 28)  # at an L2 distance of 2
    critic = Critic(classes=2, width=4)
    y = torch.arange(16) % 2
    optimiser = torch.optim.Adam(critic.parameters(), lr=3e-3, betas=(0.0, 0.9))
    random = rng()
    for _ in range(150):
        optimiser.zero_grad()
        mix = torch.rand(16, 1, 1, 1, generator=random)
        critic_loss(critic, real, made, y, mix).backward()
        optimiser.step()
    with torch.no_grad():
        distance = float(critic(real, y).mean() - critic(made, y).mean())
    # The penalty lets the slope be steeper than 1 by about as much as pays, 2 / 20.
    assert 1.9 < distance < 2.4


def test_the_generator_is_paid_for_height():
    heights = torch.tensor([1.0, 3.0])
    assert float(generator_loss(heights)) == -2.0


def test_it_samples_pictures_of_classes():
    torch.manual_seed(0)
    generator: ImageSampler = Generator(class_counts=[5, 3, 2], latent_dim=5, width=4).eval()
    z = torch.randn(3, 5, generator=rng())
    one, other = (generator.sample(z, torch.full((3,), label)) for label in (0, 2))
    assert one.shape == (3, 28, 28)
    assert 0 <= float(one.min()) <= float(one.max()) <= 1
    assert not torch.equal(one, other)
    stages = list(generator.stages(z, torch.zeros(3, dtype=torch.long)))
    assert [name for name, _ in stages] == list(generator.layers)
    torch.testing.assert_close((stages[-1][1][:, 0] + 1) / 2, one)


def test_the_critic_weighs_each_class_by_itself():
    torch.manual_seed(0)
    critic = Critic(classes=3, width=4)
    x = torch.rand(3, 1, 28, 28, generator=rng()) * 2 - 1
    labels = [torch.full((3,), label) for label in range(3)]
    before = [critic(x, y) for y in labels]
    torch.testing.assert_close(before[0], before[2])
    with torch.no_grad():
        critic.project.weight[2] = 1.0
    after = [critic(x, y) for y in labels]
    torch.testing.assert_close(after[0], before[0])
    torch.testing.assert_close(after[2] - before[2], critic.body(x).sum(1))
