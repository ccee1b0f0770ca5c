import json
import math
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from aigc_core.checkpoint import load_network
from aigc_core.models.dcgan import (
    Discriminator,
    Generator,
    discriminator_loss,
    generator_loss,
    initialise,
)
from aigc_core.models.protocols import ImageSampler
from aigc_core.training.recipe import Recipe
from aigc_core.training.ship import ship

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

COUNTS = [5, 3, 2, 1]


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(class_counts=COUNTS, latent_dim=6, class_dim=5, width=8).eval()


@pytest.fixture
def discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(classes=4, width=6).eval()


def inputs(count: int = 3) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.randn(count, 6, generator=rng), torch.arange(count) % 4


def recipe(*, half: bool) -> Recipe:
    return Recipe(
        name="small-gan",
        objective=lambda: pytest.fail("it is not trained"),
        data=tuple,
        optimisers={},
        ships="generator",
        batch=1,
        steps=1,
        half=half,
    )


def test_pictures_have_their_shape_and_range(generator: Generator):
    z, y = inputs(5)
    made = generator(1000 * z, y)
    assert made.shape == (5, 1, 28, 28)
    assert float(made.detach().abs().max()) <= 1
    assert float(made.detach().std()) > 0


def test_sample_is_the_same_in_0_to_1(generator: Generator):
    z, y = inputs(5)
    sampled = generator.sample(z, y)
    assert sampled.shape == (5, 28, 28)
    assert 0 <= float(sampled.min()) <= float(sampled.max()) <= 1
    assert not sampled.requires_grad
    assert torch.equal(sampled, (generator(z, y)[:, 0] + 1) / 2)


def test_the_last_stage_is_the_picture(generator: Generator):
    z, y = inputs()
    stages = list(generator.stages(z, y))
    assert [name for name, _ in stages] == ["project", "up", "paint"] == list(generator.layers)
    shapes = [tuple(values.shape) for _, values in stages]
    assert shapes == [(3, 16, 7, 7), (3, 8, 14, 14), (3, 1, 28, 28)]
    assert torch.equal(stages[-1][1], generator(z, y))
    assert all(float(values.detach().min()) >= 0 for _, values in stages[:-1])


def test_noise_and_class_both_count(generator: Generator):
    z, y = inputs(2)
    assert not torch.equal(generator(z[:1], y[:1]), generator(z[1:], y[:1]))
    assert not torch.equal(generator(z[:1], y[:1]), generator(z[:1], y[1:]))


def test_a_picture_does_not_depend_on_its_neighbours(generator: Generator):
    z, y = inputs(4)
    together = generator(z, y)
    for index in range(4):
        alone = generator(z[index : index + 1], y[index : index + 1])
        assert torch.allclose(together[index], alone[0], atol=1e-5)


def test_a_generator_keeps_the_samplers_protocol(generator: Generator):
    sampler: ImageSampler = generator
    assert sampler.latent_dim == 6
    assert list(sampler.class_counts) == COUNTS


def test_the_start_is_that_of_the_paper():
    torch.manual_seed(0)
    network = Generator(class_counts=[1] * 10)
    for layer in network.modules():
        if isinstance(layer, nn.ConvTranspose2d | nn.Linear | nn.Embedding):
            assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.15)
            assert float(layer.weight.detach().mean()) == pytest.approx(0, abs=0.005)
        if isinstance(layer, nn.BatchNorm2d):
            assert float(layer.weight.detach().mean()) == pytest.approx(1, abs=0.02)
            assert not layer.bias.any()
    assert not network.paint[0].bias.any()


def test_initialise_leaves_other_layers_alone():
    layer = nn.LayerNorm(3)
    initialise(layer)
    assert torch.equal(layer.weight, torch.ones(3))


def test_the_discriminator_gives_a_logit_each(discriminator: Discriminator):
    logits = discriminator(torch.zeros(5, 1, 28, 28), torch.arange(5) % 4)
    assert logits.shape == (5,)


@torch.no_grad()
def test_the_discriminator_is_its_formula(discriminator: Discriminator):
    """D(x, y) = w . f(x) + b + v_y . f(x), by hand."""
    rng = torch.Generator().manual_seed(2)
    x, y = torch.randn(4, 1, 28, 28, generator=rng), torch.tensor([3, 0, 3, 1])
    nn.init.constant_(discriminator.real.bias, 0.5)
    nn.init.normal_(discriminator.project.weight, generator=rng)
    f = discriminator.body(x)
    assert f.shape == (4, 2 * 6 * 7 * 7)
    logits = discriminator(x, y)
    for index in range(4):
        w, b = discriminator.real.weight[0], discriminator.real.bias[0]
        v = discriminator.project.weight[y[index]]
        expected = sum((w + v) * f[index]) + b
        assert float(logits[index]) == pytest.approx(float(expected), rel=1e-4, abs=1e-4)


def test_losses_are_binary_cross_entropy():
    rng = torch.Generator().manual_seed(0)
    real, made = 5 * torch.randn(50, generator=rng), 5 * torch.randn(50, generator=rng)
    loss = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(50), torch.zeros(50)
    assert torch.allclose(discriminator_loss(real, made), loss(real, ones) + loss(made, zeros))
    assert torch.allclose(generator_loss(made), loss(made, ones))


def test_losses_of_a_discriminator_that_knows_nothing():
    nothing = torch.zeros(3)
    assert float(discriminator_loss(nothing, nothing)) == pytest.approx(2 * math.log(2))
    assert float(generator_loss(nothing)) == pytest.approx(math.log(2))


def test_losses_stay_finite_and_point_the_right_way():
    made = torch.tensor([-1e4, 0.0, 1e4], requires_grad=True)
    generator_loss(made).backward()
    assert made.grad is not None
    assert torch.isfinite(made.grad).all()
    assert (made.grad <= 0).all()
    real = torch.zeros(3, requires_grad=True)
    discriminator_loss(real, torch.zeros(3)).backward()
    assert real.grad is not None
    assert (real.grad < 0).all()


@pytest.mark.parametrize("half", [False, True])
def test_what_ships_is_read_back(half: bool, generator: Generator, tmp_path: Path):
    folder = ship(generator, recipe(half=half), tmp_path / "small-gan")
    assert json.loads((folder / "config.json").read_text()) == {
        "class_counts": COUNTS,
        "class_dim": 5,
        "latent_dim": 6,
        "spread": 1.0,
        "width": 8,
    }
    again = load_network(Generator, folder)
    z, y = inputs()
    if half:
        for name, value in generator.state_dict().items():
            rounded = value.half().float() if value.is_floating_point() else value
            assert torch.equal(again.state_dict()[name], rounded), name
    else:
        assert torch.equal(again.sample(z, y), generator.sample(z, y))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_the_same_weights_ship_as_the_same_bytes(generator: Generator, tmp_path: Path):
    settings = {name: str(value) for value, name in enumerate("abcdefghijklmnop")}
    files = [
        ship(generator, recipe(half=True), tmp_path / str(round), settings) / "model.safetensors"
        for round in range(4)
    ]
    assert len({file.read_bytes() for file in files}) == 1
    with safe_open(files[0], framework="numpy") as file:
        assert json.loads(file.metadata()["training"]) == settings


def test_defaults_ship_too(tmp_path: Path):
    folder = ship(Generator(class_counts=COUNTS), recipe(half=True), tmp_path / "small-gan")
    assert load_network(Generator, folder).latent_dim == 64
