from itertools import chain

import numpy as np
import pytest
import torch

from aigc_core.training.batches import Batches, mix

CPU = torch.device("cpu")


def batches(count: int = 20, batch: int = 4, *, seed: int = 0, rank: int = 0, world: int = 1):
    arrays = (np.arange(count), np.arange(count, dtype=np.uint8)[:, None] * 2)
    return Batches(arrays, batch, seed=seed, device=CPU, rank=rank, world=world)


def epoch(made: Batches, number: int = 0) -> list[list[int]]:
    first = number * made.per_epoch
    return [made.at(step)[0].tolist() for step in range(first, first + made.per_epoch)]


def flat(lists: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(lists))


def test_each_epoch_is_a_permutation():
    made = batches()
    for number in range(4):
        assert sorted(flat(epoch(made, number))) == list(range(20))


def test_epochs_differ():
    made = batches()
    assert len({str(epoch(made, number)) for number in range(5)}) == 5


def test_what_does_not_fill_a_batch_waits_for_another_epoch():
    made = batches(count=22)
    assert made.per_epoch == 5
    seen = [flat(epoch(made, number)) for number in range(10)]
    assert all(len(set(examples)) == 20 for examples in seen)
    assert set(flat(seen)) == set(range(22))


def test_the_processes_parts_are_disjoint_and_whole():
    parts = [batches(count=24, batch=2, rank=rank, world=3) for rank in range(3)]
    for number in range(3):
        seen = [flat(epoch(part, number)) for part in parts]
        assert sorted(flat(seen)) == list(range(24))


def test_processes_together_take_one_process_batches():
    alone = batches(count=24, batch=6)
    parts = [batches(count=24, batch=2, rank=rank, world=3) for rank in range(3)]
    for step in range(12):
        together = torch.cat([part.at(step)[0] for part in parts])
        assert torch.equal(together, alone.at(step)[0])


def test_small_batches_together_are_large_ones():
    small, large = batches(count=24, batch=2), batches(count=24, batch=4)
    for step in range(12):
        together = torch.cat([small.at(2 * step)[0], small.at(2 * step + 1)[0]])
        assert torch.equal(together, large.at(step)[0])


def test_the_seed_decides():
    assert epoch(batches(seed=1)) == epoch(batches(seed=1)) != epoch(batches(seed=2))


def test_the_step_alone_decides():
    forth, back = batches(), batches()
    seen = {step: forth.at(step)[0].tolist() for step in range(15)}
    for step in (14, 3, 9, 0, 3, 14):
        assert back.at(step)[0].tolist() == seen[step]


def test_torchs_own_generator_is_left_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    batches().at(0)
    assert torch.equal(torch.rand(3), wanted)


def test_arrays_stay_side_by_side_and_keep_their_kind():
    images, labels = batches().at(3)
    assert images.dtype is torch.int64
    assert labels.dtype is torch.uint8
    assert torch.equal(labels[:, 0].long(), 2 * images)


def test_too_few_examples_are_refused():
    with pytest.raises(ValueError, match="do not fill a batch"):
        batches(count=7, batch=4, world=2)


def test_mixed_seeds_are_far_apart():
    seeds = [mix(a, b, c) for a in range(10) for b in range(100) for c in range(4)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    bits = np.array([[seed >> bit & 1 for bit in range(63)] for seed in seeds])
    assert np.abs(bits.mean(0) - 0.5).max() < 0.05
    assert mix(1, 2) != mix(2, 1)
    assert mix(-1) != mix(1)


def test_mix_ends_as_splitmix64_does():
    """The first output of splitmix64 from state 0, as published, without its lowest bit."""
    assert mix(0) == 0xE220A8397B1DCDAF >> 1
