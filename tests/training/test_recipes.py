import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import PyTorchModelHubMixin

from aigc_core.checkpoint import WEIGHTS
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data.mnist import is_here
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.training import recipes
from aigc_core.training.objectives import (
    Adversarial,
    Classification,
    Noised,
    Variational,
    Wasserstein,
    binarised,
    to_unit,
)
from aigc_core.training.recipe import settings_of
from aigc_core.training.ship import read_settings

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

# All but those that ship their history alone.
SHIPPED = [name for name in recipes.names() if (CHECKPOINTS / name / WEIGHTS).is_file()]

needs_mnist = pytest.mark.skipif(not is_here(), reason="MNIST is not on this machine")


def test_there_are_recipes():
    assert {"dcgan-mnist", "gan-mnist", "mnist-classifier", "vae-mnist"} <= set(recipes.names())


@pytest.mark.parametrize("name", ["nope", "", "..", "dcgan_mnist", "dcgan-mnist "])
def test_an_unknown_recipe_is_refused_with_those_that_there_are(name: str):
    with pytest.raises(InvalidRequest) as caught:
        recipes.find(name)
    assert all(known in text for known in recipes.names() for text in caught.value.text)


@needs_mnist
@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_plays(name: str):
    """Rounds on four examples: every player has settings, and its first loss a gradient.

    Some join after others have learned, so the last round is played too.
    """
    recipe = recipes.find(name)
    assert recipe.name == name
    torch.manual_seed(recipe.seed)
    try:
        objective = recipe.objective()
    except ModelUnavailable as error:
        pytest.skip(f"it goes on from weights that are not here: {error}")
    assert set(recipe.optimisers) == set(objective.players)
    assert recipe.ships in objective.players
    assert isinstance(objective.players[recipe.ships], PyTorchModelHubMixin)
    arrays = recipe.data()
    assert len({len(array) for array in arrays}) == 1
    assert len(arrays[0]) >= recipe.batch
    batch = tuple(torch.from_numpy(array[:4]) for array in arrays)
    played: set[str] = set()
    for number in (0, recipe.steps - 1):
        if played == set(objective.players):
            break
        for player, loss in objective.step(batch, torch.Generator().manual_seed(0), number):
            weights = list(objective.players[player].parameters())
            gradients = torch.autograd.grad(loss, weights, retain_graph=True)
            assert torch.isfinite(loss)
            assert all(torch.isfinite(gradient).all() for gradient in gradients)
            assert any(gradient.any() for gradient in gradients)
            played.add(player)
    assert played == set(objective.players)


@needs_mnist
def test_the_generator_shows_ten_rows_of_digits():
    objective = recipes.find("dcgan-mnist").objective()
    objective.players["generator"].eval()
    shown = objective.show(objective.players)
    assert shown is not None
    assert shown.shape == (100, 28, 28)
    assert 0 <= float(shown.min()) <= float(shown.max()) <= 1
    assert torch.equal(shown, objective.show(objective.players))


@needs_mnist
@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_makes_the_network_that_was_shipped(name: str):
    recipe = recipes.find(name)
    network = recipe.objective().players[recipe.ships]
    config = json.loads((CHECKPOINTS / name / "config.json").read_text())
    assert json.loads(json.dumps(network._hub_mixin_config)) == config


# The classifier judges the others, so it was frozen before weights carried their recipe.
@needs_mnist
@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "mnist-classifier"])
def test_shipped_weights_name_the_recipe_that_made_them(name: str):
    told = read_settings(CHECKPOINTS / name / "model.safetensors")
    recipe = recipes.find(name)
    today = settings_of(recipe, recipe.objective()) | {"processes": "1", "accumulate": "1"}
    assert {"batch", "steps", f"{recipe.ships}.lr", "seed"} <= told.keys()
    assert told == {setting: today.get(setting) for setting in told}


def test_pictures_become_floats_in_0_to_1():
    values = to_unit(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert values.tolist() == pytest.approx([0.0, 0.2, 1.0])


def test_augmentation_is_the_generators_and_none_without_jitter():
    pictures = torch.rand(6, 28, 28, generator=torch.Generator().manual_seed(0))
    still = Classification(torch.nn.Identity(), jitter=0.0)
    assert torch.allclose(still.augmented(pictures, torch.Generator()), pictures, atol=1e-5)
    moving = Classification(torch.nn.Identity())
    first, second = (
        moving.augmented(pictures, torch.Generator().manual_seed(seed)) for seed in (1, 1)
    )
    assert torch.equal(first, second)
    assert first.shape == pictures.shape
    other = moving.augmented(pictures, torch.Generator().manual_seed(2))
    assert not torch.equal(first, other)


Loss = Callable[..., torch.Tensor]


def onlookers(side: int, seen: list[torch.Tensor]) -> tuple[torch.nn.Module, Any, Loss, Loss]:
    """A generator of even pictures, a discriminator that notes what it sees, and their losses."""

    class Even(torch.nn.Module):
        latent_dim = 2

        def forward(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch.tanh(z.sum(1))[:, None, None, None].expand(-1, 1, side, side)

    def discriminator(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return x.mean((1, 2, 3))

    losses = (lambda real, made: made.mean() - real.mean(), lambda made: -made.mean())
    return Even(), discriminator, *losses


def test_the_game_shows_the_discriminator_real_and_made_pictures_in_one_range():
    seen: list[torch.Tensor] = []
    game = Adversarial(
        *onlookers(3, seen),
    )
    images = torch.from_numpy(np.arange(36, dtype=np.uint8).reshape(4, 3, 3) * 7)
    names = [name for name, _ in game.step((images, torch.zeros(4).long()), torch.Generator())]
    assert names == ["discriminator", "generator"]
    real, made, again = seen
    assert torch.allclose((real[:, 0] + 1) / 2 * 255, images.float(), atol=1e-4)
    assert torch.equal(made, again)


def test_noise_before_the_discriminator_fades_away():
    seen: list[torch.Tensor] = []

    game = Noised(
        *onlookers(28, seen),
        noise=0.5,
        fading=100,
    )
    grey = torch.full((20, 28, 28), 51, dtype=torch.uint8)
    for number, deviation in ((0, 0.5), (50, 0.25), (100, 0.0), (300, 0.0)):
        seen.clear()
        rng = torch.Generator().manual_seed(1)
        list(game.step((grey, torch.zeros(20).long()), rng, number))
        real, made, again = seen
        noise = real + 0.6
        assert float(noise.mean()) == pytest.approx(0, abs=0.02)
        assert float(noise.std()) == pytest.approx(deviation, abs=0.02)
        assert torch.equal(made, again) == (deviation == 0)  # Else each look has its own noise.


def test_the_critic_plays_on_fresh_pictures_before_the_generator():
    made_of: list[int] = []

    class Generator(torch.nn.Module):
        latent_dim = 2

        def forward(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            made_of.append(hash(tuple(z.flatten().tolist())))
            return z.sum(1)[:, None, None, None].expand(-1, 1, 3, 3)

    seen: list[torch.Tensor] = []

    def critic_loss(
        critic: object, real: torch.Tensor, made: torch.Tensor, y: torch.Tensor, mix: torch.Tensor
    ) -> torch.Tensor:
        seen.append(real)
        assert len(y) == 2
        assert real.shape == made.shape == (2, 1, 3, 3)
        assert mix.shape == (2, 1, 1, 1)
        assert not made.requires_grad
        return made.mean()

    game = Wasserstein(
        Generator(),
        lambda x, y: x.mean((1, 2, 3)),  # type: ignore[arg-type]
        critic_loss,
        lambda heights: -heights.mean(),
        rounds=3,
    )
    images = torch.from_numpy(np.arange(54, dtype=np.uint8).reshape(6, 3, 3) * 4)
    names = [n for n, _ in game.step((images, torch.zeros(6).long()), torch.Generator(), 0)]
    assert names == ["critic"] * 3 + ["generator"]
    assert len(set(made_of)) == 4
    shown = torch.cat(seen)[:, 0]
    assert torch.allclose((shown + 1) / 2 * 255, images.float(), atol=1e-4)


def test_the_rate_weighs_beta_after_the_warmup():
    class Bounds(torch.nn.Module):
        def bounds(self, x: torch.Tensor, *_: object) -> tuple[torch.Tensor, torch.Tensor]:
            assert set(x.unique().tolist()) <= {0.0, 1.0}
            return torch.full((len(x),), 100.0), torch.full((len(x),), 10.0)

    batch = (torch.full((2, 4, 4), 128, dtype=torch.uint8), torch.zeros(2).long())

    def loss(beta: float, warmup: int, number: int) -> float:
        objective = Variational(Bounds(), beta, warmup)  # type: ignore[arg-type]
        ((player, value),) = objective.step(batch, torch.Generator(), number)
        assert player == "vae"
        return value.item()

    assert loss(1.0, 0, 0) == 110
    assert loss(4.0, 0, 9) == 140
    assert [loss(2.0, 3, number) for number in (0, 1, 2, 3, 50)] == [105, 110, 115, 120, 120]


def test_binarisation_is_random_in_proportion_to_grey():
    grey = torch.tensor([0.0, 0.25, 1.0]).repeat(20_000, 1)
    drawn = binarised(grey, torch.Generator().manual_seed(0)).mean(0).tolist()
    assert drawn == pytest.approx([0.0, 0.25, 1.0], abs=0.015)
