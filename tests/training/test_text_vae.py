"""The objective of text VAEs on a few lines."""

import pytest
import torch
from torch import Tensor

from aigc_core.data.tang_lines import as_numbers
from aigc_core.models.text_vae import TextVAE, free_bits
from aigc_core.training.text_vae import FreeBits

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

VOCABULARY = "\n一二三四五六七八九"
LINES = (
    "一二三四五",
    "五四三二一",
    "一二三四五六七",
    "九八七六五四三",
    "二二四四六六八",
    "八七六五四",
)


def objective(**changes: float) -> FreeBits:
    torch.manual_seed(0)
    network = TextVAE(
        vocabulary=VOCABULARY, latent_dim=4, embedding=16, reader=16, writer=24, dropout=0.0
    )
    return FreeBits(network, **{"floor": 8.0, "shown": LINES[:2], **changes})  # type: ignore[arg-type]


def batch() -> tuple[Tensor, ...]:
    return (torch.from_numpy(as_numbers(LINES, VOCABULARY)),)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def loss(game: FreeBits, number: int = 0) -> Tensor:
    ((player, value),) = game.step(batch(), rng(), number)
    assert player == "vae"
    return value


def test_the_loss_is_the_distortion_and_the_weighted_rate_above_the_floor():
    game = objective(floor=0.2, warmup=3)
    with torch.no_grad():
        game.network.latent.bias.add_(torch.arange(8) * 0.3)
    distortion, rates = game.network.bounds(batch()[0].long(), rng())
    cost = free_bits(rates, 0.05)
    assert 0.2 < cost < rates.mean(0).sum() + 0.2
    for number, weight in ((0, 0.25), (1, 0.5), (3, 1.0), (70, 1.0)):
        torch.testing.assert_close(loss(game, number), distortion.mean() + weight * cost)


def test_below_the_floor_the_rate_teaches_nothing():
    game = objective(floor=400.0)
    weights = list(game.network.latent.parameters())
    distortion, _ = game.network.bounds(batch()[0].long(), rng())
    expected = torch.autograd.grad(distortion.mean(), weights)
    for found, truth in zip(torch.autograd.grad(loss(game, 9), weights), expected, strict=True):
        torch.testing.assert_close(found, truth)


def test_hidden_characters_are_of_the_generators_choice():
    hidden = objective(word_dropout=0.5)
    first, again = loss(hidden), loss(hidden)
    assert torch.equal(first, again)
    assert not torch.equal(first, loss(objective()))


def test_training_learns_lines_through_the_latent_and_shows_them():
    game = objective(warmup=20, word_dropout=0.3)
    optimiser = torch.optim.Adam(game.network.parameters(), lr=0.03)
    before = loss(game).item()
    noise = rng()
    for number in range(100):
        ((_, value),) = game.step(batch(), noise, number)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    with torch.no_grad():
        distortion, rates = game.network.eval().bounds(batch()[0].long(), rng())
    assert distortion.mean() + 8 < before / 2
    assert distortion.mean() < 4
    assert rates.sum(1).mean() > 5
    shown = game.show(game.players).split("\n")
    assert shown[:3] == ["一二三四五 一二三四五", "五四三二一 五四三二一", ""]
    assert len(shown) == 3 + 8
    assert game.show(game.players).split("\n") == shown
