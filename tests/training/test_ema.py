import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from aigc_core.training.ema import Average


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def shake(made: nn.Module) -> None:
    """A step of some training: weights move, statistics are taken."""
    made.train()
    made(torch.randn(8, 3))
    with torch.no_grad():
        for weight in made.parameters():
            weight += torch.randn_like(weight)


def warmed(decay: float, step: int) -> float:
    return min(decay, (1 + step) / (10 + step))


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.9999])
def test_it_agrees_with_torchs_own_average(decay: float):
    made = network()
    average = Average(made, decay)
    theirs = AveragedModel(copy.deepcopy(made), use_buffers=True)
    theirs.n_averaged += 1  # So that the first update averages and does not copy.
    for step in range(30):
        shake(made)
        average.update(made, step)
        theirs.multi_avg_fn = get_ema_multi_avg_fn(warmed(decay, step))
        theirs.update_parameters(made)
    wanted = theirs.module.state_dict()
    for name, value in average.network.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, wanted[name], rtol=1e-4, atol=1e-5), name


def test_it_agrees_with_the_formula():
    made = network()
    average = Average(made, 0.7)
    wanted = made[0].weight.detach().double().clone()
    for step in range(10):
        shake(made)
        average.update(made, step)
        d = warmed(0.7, step)
        wanted = d * wanted + (1 - d) * made[0].weight.detach().double()
    assert torch.allclose(average.network[0].weight.double(), wanted, atol=1e-5)


def test_statistics_are_averaged_and_counters_copied():
    made = network()
    average = Average(made, 0.9)
    wanted = made[1].running_mean.clone()
    for step in range(5):
        shake(made)
        average.update(made, step)
        wanted = torch.lerp(wanted, made[1].running_mean, 1 - warmed(0.9, step))
    assert torch.allclose(average.network[1].running_mean, wanted, atol=1e-6)
    assert not torch.equal(average.network[1].running_mean, made[1].running_mean)
    assert int(average.network[1].num_batches_tracked) == 5


def test_the_start_is_soon_forgotten():
    made = network()
    average = Average(made, 0.9999)
    with torch.no_grad():
        for weight in made.parameters():
            weight.fill_(1.0)
    for step in range(100):
        average.update(made, step)
    assert torch.allclose(average.network[0].weight, torch.ones(4, 3), atol=1e-3)


def test_the_twin_is_its_own_and_for_sampling():
    made = network()
    average = Average(made, 0.9)
    assert not average.network.training
    assert not any(weight.requires_grad for weight in average.network.parameters())
    before = average.network[0].weight.clone()
    shake(made)
    assert made.training
    assert torch.equal(average.network[0].weight, before)
