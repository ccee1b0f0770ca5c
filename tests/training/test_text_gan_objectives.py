"""What the steps of a text GAN's training do, on a language of three words."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from aigc_core.models.text_gan import NOTHING, Discriminator, Generator
from aigc_core.training.recipe import Objective, Optimiser, Recipe
from aigc_core.training.text_gan import Likelihood, PolicyGradient
from tests.training.running import interrupted, trained
from tests.training.tiny import fingerprint

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

REAL = [[1, 2, 1, 0], [1, 2, 0, NOTHING]]


def generator(dropout: float = 0.0) -> Generator:
    torch.manual_seed(0)
    return Generator(vocabulary="。春江", length=4, embedding=6, width=8, dropout=dropout)


def judge() -> Discriminator:
    torch.manual_seed(1)
    return Discriminator(3, embedding=6, width=8, dropout=0.1)


def batch(count: int = 8) -> tuple[Tensor]:
    return (torch.tensor(REAL * (count // 2), dtype=torch.int16),)


def played(objective: Objective, steps: int, rate: float) -> list[dict[str, float]]:
    optimisers = {
        name: torch.optim.Adam(network.parameters(), lr=rate)
        for name, network in objective.players.items()
    }
    found = []
    for number in range(steps):
        losses = {}
        rng = torch.Generator().manual_seed(number)
        for name, loss in objective.step(batch(32), rng, number):
            optimisers[name].zero_grad()
            loss.backward(inputs=list(objective.players[name].parameters()))
            optimisers[name].step()
            losses[name] = loss.item()
        found.append(losses)
    return found


def drawn(network: Generator) -> list[list[int]]:
    u = torch.rand(400, 4, generator=torch.Generator().manual_seed(99))
    return network.sample(u).tolist()


def share_real(network: Generator) -> float:
    return float(np.mean([text in REAL for text in drawn(network)]))


def test_the_likelihood_is_that_of_the_words_that_are_there():
    network = generator()
    ((player, loss),) = Likelihood(network).step(batch(), torch.Generator())
    assert player == "generator"
    assert float(loss.detach()) == pytest.approx(
        float(network.costs(batch()[0].long()).sum().detach() / (4 * 4 + 4 * 3)), rel=1e-5
    )


def test_maximum_likelihood_learns_a_language_of_two_texts():
    network = generator()
    losses = played(Likelihood(network), 60, rate=0.05)
    assert losses[-1]["generator"] < 0.3 < losses[0]["generator"]
    assert share_real(network.eval()) > 0.9


def test_the_reward_alone_makes_texts_real():
    network = generator()
    before = share_real(network)
    objective = PolicyGradient(network, judge(), rounds=2)
    played(objective, 150, rate=0.02)
    assert share_real(network.eval()) > max(0.6, 3 * before)


def test_the_discriminator_plays_its_rounds_first():
    objective = PolicyGradient(generator(), judge(), rounds=3)
    names = [name for name, _ in objective.step(batch(12), torch.Generator().manual_seed(0))]
    assert names == ["discriminator"] * 3 + ["generator"]


def test_the_generator_waits_until_the_discriminator_has_learned():
    objective = PolicyGradient(generator(), judge(), lead=2)
    names = [
        [name for name, _ in objective.step(batch(), torch.Generator().manual_seed(0), number)]
        for number in range(4)
    ]
    assert names == [["discriminator"]] * 2 + [["discriminator", "generator"]] * 2


def test_a_reward_has_no_dropout_and_teaches_the_generator_alone():
    objective = PolicyGradient(generator(dropout=0.5), judge())
    objective.discriminator.drop.p = 0.9
    made = objective.made(8, torch.Generator().manual_seed(0))
    one, other = (objective.policy_loss(made) for _ in range(2))
    assert torch.equal(one, other)
    assert objective.discriminator.training
    one.backward()
    assert all(weight.grad is None for weight in objective.discriminator.parameters())
    assert all(weight.grad is not None for weight in objective.generator.parameters())


RECIPE = Recipe(
    name="tiny-text-gan",
    objective=lambda: PolicyGradient(generator(), judge(), lead=3),
    data=lambda: (np.array(REAL * 10, np.int16),),
    optimisers={"generator": Optimiser(lr=1e-2), "discriminator": Optimiser(lr=1e-2)},
    ships="generator",
    batch=8,
    steps=14,
    ema=0.9,
)


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path):
    whole = fingerprint(trained(RECIPE, tmp_path / "whole"))
    interrupted(RECIPE, tmp_path / "parts", at=10)
    assert fingerprint(trained(RECIPE, tmp_path / "parts")) == whole
