"""The training that is set up to collapse."""

import pytest
import torch
from torch import nn

from aigc_core.training.recipes.gan_mnist_collapse import Slackening

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


@pytest.mark.parametrize(
    ("number", "learns"), [(0, True), (4, True), (5, False), (6, True), (7, False), (9, True)]
)
def test_the_discriminator_grows_idle_and_its_loss_is_told_all_the_same(number: int, learns: bool):
    torch.manual_seed(0)
    game = Slackening(until=5, every=3)
    batch = torch.randint(0, 256, (4, 28, 28), dtype=torch.uint8), torch.zeros(4, dtype=torch.int64)
    for player, loss in game.step(batch, torch.Generator().manual_seed(0), number):
        slopes = torch.autograd.grad(loss, list(game.players[player].parameters()))
        assert loss > 0
        moves = any(slope.any() for slope in slopes)
        assert moves == (learns or player == "generator")


def test_its_generator_has_no_batch_normalisation():
    players = Slackening(until=1, every=1).players
    assert not [
        layer for layer in players["generator"].modules() if isinstance(layer, nn.BatchNorm1d)
    ]
    pictures = players["generator"].sample(torch.randn(3, 64))  # type: ignore[operator]
    assert pictures.shape == (3, 28, 28)
