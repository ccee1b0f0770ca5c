"""The 10,000 MNIST test digits as the judge sees them: what real digits score.

`python -m aigc_core.metrics reference` derives them with the frozen judge and writes them beside
it, so that a model's figures have their floor where the dataset is not. No picture is in the file.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aigc_core.data.draw import disjoint, in_proportion
from aigc_core.metrics.judge import FOLDER, Judgement
from aigc_core.metrics.reference import read_tensors, write_tensors

PATH = FOLDER / "test.safetensors"


@dataclass(frozen=True)
class Unseen:
    """Real digits that no model was trained on, n of them in random order.

    Args:
        judgement: of the judge.
        labels: (n,) int64.
        pixel_distance: (n,) from each to the nearest training digit, in L2 over pixels in 0..1.
    """

    judgement: Judgement
    labels: np.ndarray
    pixel_distance: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | np.ndarray) -> "Unseen":
        """Some of them."""
        features, logits = self.judgement
        return Unseen(
            Judgement(features[rows], logits[rows]), self.labels[rows], self.pixel_distance[rows]
        )

    def ordered(self, shares: np.ndarray) -> "Unseen":
        """All of them, so ordered that every stretch has the classes in these shares."""
        return self[in_proportion(self.labels, shares)]

    def draws(self, count: int, shares: np.ndarray) -> list["Unseen"]:
        """As many sets of `count` as share no digit and have the classes in these shares."""
        ordered, sets = self.ordered(shares), disjoint(self.labels, count, shares)
        return [ordered[place * count : (place + 1) * count] for place in range(sets)]


def write(unseen: Unseen, path: Path = PATH) -> Path:
    """Writes digits, marked with their judge.

    float16 keeps three decimals of a feature, far below its distance to its neighbours.
    """
    tensors: dict[str, np.ndarray] = {
        "features": unseen.judgement.features.astype(np.float16),
        "logits": unseen.judgement.logits.astype(np.float16),
        "labels": unseen.labels.astype(np.uint8),
        "pixel_distance": unseen.pixel_distance.astype(np.float32),
    }
    return write_tensors(tensors, path)


def read(path: Path = PATH) -> Unseen:
    """Reads the digits, in the order of the dataset.

    Raises:
        ModelUnavailable, NotTheJudge, CorruptFile: as `reference.read_tensors`.
    """
    tensors = read_tensors(path)
    return Unseen(
        Judgement(tensors["features"].astype(np.float32), tensors["logits"].astype(np.float32)),
        tensors["labels"].astype(np.int64),
        tensors["pixel_distance"].astype(np.float64),
    )
