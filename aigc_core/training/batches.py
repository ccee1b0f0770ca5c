"""Training data on the device once, dealt out in an order that the step number alone decides."""

import numpy as np
import torch
from torch import Generator, Tensor


class Batches:
    """Shuffled batches of equally long arrays.

    Epoch e is a permutation seeded by (seed, e), the same in every process; process `rank` of
    `world` takes its own part of each batch. Nothing needs to be stored to resume.

    Args:
        arrays: equally long in their first axis.
        batch: examples per step and process.
    """

    def __init__(
        self,
        arrays: tuple[np.ndarray, ...],
        batch: int,
        *,
        seed: int,
        device: torch.device,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.tensors = tuple(torch.from_numpy(array).to(device) for array in arrays)
        self.batch, self.seed, self.rank, self.world = batch, seed, rank, world
        self.per_epoch = len(self.tensors[0]) // (batch * world)
        if self.per_epoch == 0:
            raise ValueError(f"{len(self.tensors[0])} examples do not fill a batch")
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    def at(self, step: int) -> tuple[Tensor, ...]:
        """The batch of a step."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            shuffle = Generator().manual_seed(mix(self.seed, epoch))
            self._order = torch.randperm(len(self.tensors[0]), generator=shuffle)
        start = (place * self.world + self.rank) * self.batch
        rows = self._order[start : start + self.batch].to(self.tensors[0].device)
        return tuple(tensor[rows] for tensor in self.tensors)


def mix(*numbers: int) -> int:
    """One 63-bit seed from several numbers, well apart for neighbours (splitmix64)."""
    state = 0
    for number in numbers:
        state = (state ^ (number & 0xFFFFFFFFFFFFFFFF)) + 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1
