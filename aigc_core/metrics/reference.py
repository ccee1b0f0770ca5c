"""What the figures compare with: statistics of the 60,000 MNIST training digits.

`python -m aigc_core.metrics reference` derives them once with the frozen judge and writes them
beside it, so that a model can be scored where the dataset is not. No picture is in the file.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from aigc_core.data.draw import draw
from aigc_core.errors import CorruptFile, ModelUnavailable
from aigc_core.metrics.frechet import Moments, moments
from aigc_core.metrics.judge import FOLDER, FROZEN, NAME, Judgement, NotTheJudge
from aigc_core.metrics.manifold import DENSITY_COVERAGE_K, PRECISION_RECALL_K, reaches
from aigc_core.text import Text

PATH = FOLDER / "reference.safetensors"
KEPT = 10_000


@dataclass(frozen=True)
class Reference:
    """The training digits, as far as metrics need them.

    Args:
        moments: of the features of all of them.
        features: (10,000, 128) float16, those of as many drawn at random.
        classes: (10,) int64, how many there are of each.
    """

    moments: Moments
    features: np.ndarray
    classes: np.ndarray

    @property
    def prior(self) -> np.ndarray:
        """Shares (10,) of the classes."""
        return np.asarray(self.classes / self.classes.sum())

    @cached_property
    def reaches(self) -> dict[int, np.ndarray]:
        """How far the balls around the kept features go, by k; seconds, the first time."""
        features = self.features.astype(np.float64)
        return reaches(features, PRECISION_RECALL_K, DENSITY_COVERAGE_K)


def derive(judgement: Judgement, labels: np.ndarray) -> Reference:
    """The reference of judged training pictures and their labels (n,).

    float16 keeps three decimals of a feature, far below its distance to its neighbours.
    """
    return Reference(
        moments(judgement.features),
        judgement.features[draw(len(labels), KEPT)].astype(np.float16),
        np.bincount(labels, minlength=judgement.logits.shape[1]),
    )


def write(reference: Reference, path: Path = PATH) -> Path:
    """Writes a reference, marked with the judge it was made with."""
    tensors = {
        "mean": reference.moments.mean,
        "covariance": reference.moments.covariance,
        "count": np.array(reference.moments.count),
        "features": np.ascontiguousarray(reference.features),
        "classes": reference.classes,
    }
    return write_tensors(tensors, path)


def read(path: Path = PATH) -> Reference:
    """Reads a reference; raises as `read_tensors`."""
    tensors = read_tensors(path)
    return Reference(
        Moments(tensors["mean"], tensors["covariance"], int(tensors["count"])),
        tensors["features"],
        tensors["classes"],
    )


def write_tensors(tensors: dict[str, np.ndarray], path: Path) -> Path:
    """Writes what was derived with the judge, and its mark."""
    path.write_bytes(save(tensors, metadata={"judge": FROZEN}))
    return path


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Reads what was derived with the judge.

    Raises:
        ModelUnavailable: it has not been written.
        NotTheJudge: it was made with another feature network.
        CorruptFile: it cannot be read.
    """
    if not path.is_file():
        raise ModelUnavailable(
            NAME,
            Text(
                "{name} is missing. `python -m aigc_core.metrics reference` writes it.",
                "缺少 {name}。运行 `python -m aigc_core.metrics reference` 可生成。",
            ).fill(name=path.name),
        )
    try:
        with safe_open(path, framework="numpy") as file:
            judge = (file.metadata() or {}).get("judge", "")
            tensors: dict[str, np.ndarray] = {
                name: file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118
            }
    except (SafetensorError, OSError) as error:
        raise CorruptFile(path.name) from error
    if judge != FROZEN:
        raise NotTheJudge(path.name, judge or "-")
    return tensors
