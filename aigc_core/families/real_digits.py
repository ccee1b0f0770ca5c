"""Real digits that answer like a model, so that models can be looked at and measured beside them.

They are MNIST's test split, which no model here was trained on. A seed stands for a picture: the
next seed takes the next one of a fixed random order, so that none comes twice before all were
there.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.data import mnist
from aigc_core.data.draw import draw, in_proportion
from aigc_core.data.mnist import Digits
from aigc_core.data.source import check as check_file
from aigc_core.data.split import Split
from aigc_core.errors import ModelUnavailable
from aigc_core.events import FamilyEvent, Finished, Output, Progress
from aigc_core.families import Answer
from aigc_core.media import Image
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request
from aigc_core.tasks.image import SampleImages
from aigc_core.text import Text

SPLIT: Split = "test"
TAKING = Text("taking real digits", "正在取真实数字")


@dataclass
class LoadedDigits:
    """The digits, and the orders in which seeds take them."""

    digits: Digits
    placement: Placement

    @cached_property
    def mixed(self) -> np.ndarray:
        """All rows, in the training data's proportions for as long as the classes last."""
        counts = np.array(mnist.TRAINING_COUNTS)
        return in_proportion(self.digits.labels, counts / counts.sum())

    @cached_property
    def by_class(self) -> tuple[np.ndarray, ...]:
        """The rows of each class in random order."""
        found = (np.flatnonzero(self.digits.labels == label) for label in range(10))
        return tuple(rows[draw(len(rows), len(rows))] for rows in found)

    def row(self, label: str, place: int, seed: int) -> int:
        """The picture of one place in a request."""
        if label == "any":
            rows = self.mixed
        else:
            rows = self.by_class[place % 10 if label == "each" else int(label)]
        return int(rows[seed % len(rows)])

    def close(self) -> None:
        pass


def check() -> None:
    """Nothing where the digits are here or may be fetched.

    Raises:
        DatasetMissing: they are neither.
    """
    for file in mnist.FILES[SPLIT]:
        check_file(file)


def load(entry: Entry, placement: Placement, step: Callable[[], None]) -> LoadedDigits:
    """The digits, fetched first where they are missing; arrays stay in the machine's memory.

    Raises:
        DatasetMissing: they are not on the disk and not to be had.
        CorruptFile: a file does not have the published bytes.
        ModelUnavailable: the catalog names others.
    """
    if entry.revision != mnist.revision(SPLIT):
        raise ModelUnavailable(
            entry.id,
            Text("the catalog names other files.", "模型目录中登记的是其他文件。"),
        )
    step()
    cpu = Placement("cpu", placement.dtype, placement.gate, batching=False)
    return LoadedDigits(mnist.load_mnist(SPLIT), cpu)


def sample(model: LoadedDigits, request: SampleImages) -> Generator[FamilyEvent, None, None]:
    """The pictures of the request's seeds; truncation has nothing to scale."""
    yield Progress(0, request.count, TAKING)
    seeds = [request.seed_of(place) for place in range(request.count)]
    rows = [model.row(request.label, place, seed) for place, seed in enumerate(seeds)]
    yield Finished(
        tuple(
            Output(
                Image(model.digits.images[row]),
                seed,
                {"index": place, "label": str(model.digits.labels[row]), "row": row},
            )
            for place, (row, seed) in enumerate(zip(rows, seeds, strict=True))
        )
    )


ANSWERS: dict[type[Request], Answer] = {SampleImages: sample}
