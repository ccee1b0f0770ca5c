"""From pictures to the figures of a card: made digits beside as many real ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from aigc_core.data.draw import disjoint, in_proportion
from aigc_core.data.mnist import Digits
from aigc_core.metrics.card import Figure, Rung, plain
from aigc_core.metrics.frechet import frechet_distance, moments
from aigc_core.metrics.judge import FROZEN, Judgement, judge
from aigc_core.metrics.neighbours import QUANTILES, nearest, quantiles, share_closer
from aigc_core.metrics.perturbations import LADDER, UNTOUCHED, Perturbation
from aigc_core.metrics.reference import Reference
from aigc_core.metrics.scores import MANIFOLD, SETTINGS, Score, scores


@dataclass(frozen=True)
class Judged:
    """Pictures (n, 28, 28) float32 in 0..1, their classes (n,), and the judge's view of them."""

    images: np.ndarray
    labels: np.ndarray
    judgement: Judgement


def look(images: np.ndarray, labels: np.ndarray) -> Judged:
    """Shows pictures to the judge."""
    return Judged(images, labels, judge(images))


def drawn(digits: Digits, count: int, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`count` pictures in 0..1 and their labels, the classes in these shares.

    They are chosen at random, and always the same; fewer are the head of more.
    """
    rows = in_proportion(digits.labels, shares)[:count]
    return to_unit(digits.images[rows]), digits.labels[rows]


def to_unit(images: np.ndarray) -> np.ndarray:
    """uint8 pictures to float32 in 0..1."""
    return images.astype(np.float32) / 255


def evaluate(
    made: Judged, real: Judged, training: Judged, reference: Reference, protocol: dict[str, Any]
) -> tuple[Figure, ...]:
    """All figures of a generator.

    Args:
        made: n pictures of the model in random order, with the classes that were asked for.
        real: n real pictures that no model was trained on.
        training: all that the model was trained on.
        reference: the statistics of the training pictures.
        protocol: what else is to stand in every figure's `args`.
    """
    protocol = {**basis(len(made.labels), reference), **protocol}
    return (
        *score_figures(made, real, reference, protocol),
        *nearness_figures(made, real, training, protocol),
    )


def ladder(
    real: Judged, reference: Reference, steps: Iterable[Perturbation] = LADDER
) -> tuple[Rung, ...]:
    """The FID of real test digits, perturbed."""
    rungs = []
    for step in steps:
        images, labels = step.apply(real.images, real.labels)
        seen = real if images is real.images else look(images, labels)
        value = frechet_distance(moments(features(seen)), reference.moments)
        rungs.append(Rung(step.id, plain(value), basis(len(labels), reference)))
    return tuple(rungs)


def floor(real: Judged, count: int, reference: Reference) -> Rung:
    """The FID of `count` untouched test digits: the mean over as many draws as share no digit.

    Their standard deviation is given where it says something, from four draws on.

    Args:
        real: all test digits, ordered by `draw.in_proportion`.
    """
    known = features(real)
    values = [
        frechet_distance(moments(known[draw * count :][:count]), reference.moments)
        for draw in range(disjoint(real.labels, count, reference.prior))
    ]
    args = {**basis(count, reference), "draws": len(values)}
    if len(values) >= 4:
        args["deviation"] = plain(np.std(values, ddof=1))
    return Rung(UNTOUCHED.id, plain(np.mean(values)), args)


def basis(count: int, reference: Reference) -> dict[str, Any]:
    """What a figure must not be read without."""
    return {
        "n": count,
        "reference": f"{reference.moments.count:,} training images",
        "feature_net": FROZEN,
    }


def score_figures(
    made: Judged, real: Judged, reference: Reference, protocol: dict[str, Any]
) -> Iterator[Figure]:
    found = scores(made.judgement, made.labels, reference)
    floors = scores(real.judgement, real.labels, reference)
    fewer = {"reference": f"{len(reference.features):,} training images at random"}
    special: dict[str, dict[str, Any]] = {
        "class_distance": {"prior": plain(reference.prior.tolist())},
        **dict.fromkeys(MANIFOLD, fewer),
    }
    for name, score in found.items():
        args = {**protocol, **SETTINGS.get(name, {}), **special.get(name, {})}
        yield figure(name, score, floors[name], args)


def nearness_figures(
    made: Judged, real: Judged, training: Judged, protocol: dict[str, Any]
) -> Iterator[Figure]:
    for space, of in (("pixel", pixels), ("feature", features)):
        known = of(training)
        near, far = nearest(of(made), known).distance, nearest(of(real), known).distance
        yield figure(
            f"{space}_distance",
            Score(float(np.median(near)), {"quantiles": quantiles(near)}),
            Score(float(np.median(far)), {"quantiles": quantiles(far)}),
            {**protocol, "quantiles_at": list(QUANTILES)},
        )
        yield figure(
            f"{space}_closer",
            Score(share_closer(near, far)),
            Score(share_closer(far, far)),
            protocol,
        )


def pixels(pictures: Judged) -> np.ndarray:
    return pictures.images


def features(pictures: Judged) -> np.ndarray:
    return pictures.judgement.features


def figure(name: str, score: Score, floor: Score, protocol: dict[str, Any]) -> Figure:
    """A figure whose `args` hold the details of both scores, the floor's under `floor_...`."""
    details = {
        **{key: plain(value) for key, value in score.details.items()},
        **{f"floor_{key}": plain(value) for key, value in floor.details.items()},
    }
    return Figure(name, plain(score.value), plain(floor.value), {**protocol, **details})
