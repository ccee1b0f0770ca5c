"""Rows through a small network: together with other visitors' where they may, else part by part."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from aigc_core.batcher import Batcher
from aigc_core.placement import Placement

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Batched(ABC):
    """A network on its device, with the batcher that visitors share, where there is one.

    Attributes:
        CHUNK: rows that go through it at once.
    """

    CHUNK: ClassVar[int]

    network: Any
    placement: Placement

    def __post_init__(self) -> None:
        batching = self.placement.batching
        self.batcher = (
            Batcher(self.compute, limit=self.CHUNK, step=self.placement.gate.step)
            if batching
            else None
        )

    @abstractmethod
    def compute(self, rows: "Sequence[Tensor]") -> np.ndarray:
        """What comes of rows (n, ...), as an array (n, ...)."""

    def parts(self, *rows: "Tensor") -> Iterator[np.ndarray]:
        """What comes of all rows in order, part by part."""
        if self.batcher:
            with self.batcher.submit(*rows) as ticket:
                yield from ticket
            return
        import torch

        for start in range(0, len(rows[0]), self.CHUNK):
            chunk = [row[start : start + self.CHUNK] for row in rows]
            with self.placement.gate.step(), torch.inference_mode():
                part = self.compute(chunk)
            yield part

    def close(self) -> None:
        if self.batcher:
            self.batcher.close()
