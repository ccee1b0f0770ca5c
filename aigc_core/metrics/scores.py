"""All that can be said of made digits without the dataset: the judge's view against the reference.

The same scores of real digits are the floor that a model's scores are read by.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aigc_core.metrics.frechet import frechet_distance, moments
from aigc_core.metrics.inception_score import SPLITS, inception_score
from aigc_core.metrics.judge import Judgement
from aigc_core.metrics.manifold import (
    DENSITY_COVERAGE_K,
    PRECISION_RECALL_K,
    density_coverage,
    precision_recall,
)
from aigc_core.metrics.reference import Reference

# What the protocol of a score must state beside the number of pictures.
SETTINGS: dict[str, dict[str, Any]] = {
    "inception_score": {"splits": SPLITS},
    "precision": {"k": PRECISION_RECALL_K},
    "recall": {"k": PRECISION_RECALL_K},
    "density": {"k": DENSITY_COVERAGE_K},
    "coverage": {"k": DENSITY_COVERAGE_K},
}

MANIFOLD = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Score:
    """One score, and results that belong to it, such as a standard deviation."""

    value: float
    details: dict[str, Any] = field(default_factory=dict)


def scores(judgement: Judgement, labels: np.ndarray, reference: Reference) -> dict[str, Score]:
    """The scores of judged pictures, by the names of `glossary.METRICS`.

    Args:
        judgement: of n pictures in random order, n >= 10.
        labels: (n,) the classes that were asked for, or true; -1 where nobody asked for one, and
            then there is no label accuracy.
        reference: of the training digits.
    """
    return dict(each_score(judgement, labels, reference))


def each_score(
    judgement: Judgement, labels: np.ndarray, reference: Reference
) -> Iterator[tuple[str, Score]]:
    """The same one after the other, as some of them take seconds."""
    features, logits = judgement
    yield "fid", Score(frechet_distance(moments(features), reference.moments))
    inception = inception_score(logits)
    yield "inception_score", Score(inception.mean, {"deviation": inception.deviation})
    if (labels >= 0).all():
        yield "label_accuracy", Score(float((logits.argmax(axis=1) == labels).mean()))
    shares = class_shares(logits)
    yield (
        "class_distance",
        Score(total_variation(shares, reference.prior), {"shares": shares.tolist()}),
    )
    real = reference.features.astype(np.float32)
    fidelity = precision_recall(real, features, real_reach=reference.reaches[PRECISION_RECALL_K])
    yield "precision", Score(fidelity.precision)
    yield "recall", Score(fidelity.recall)
    density = density_coverage(real, features, real_reach=reference.reaches[DENSITY_COVERAGE_K])
    yield "density", Score(density.density)
    yield "coverage", Score(density.coverage)


def class_shares(logits: np.ndarray) -> np.ndarray:
    """Shares (classes,) of the most probable classes by logits (n, classes)."""
    counts = np.bincount(logits.argmax(axis=1), minlength=logits.shape[1])
    return np.asarray(counts / len(logits))


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Half the sum of |p - q|: the share of mass in the wrong place, 0..1."""
    return float(np.abs(p - q).sum() / 2)
