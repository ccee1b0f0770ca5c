"""What real digits score, at any number of pictures: the floor under a model's figures.

From the shipped view of the judge on the test digits (`metrics.unseen`), so that the dataset need
not be there. Kept for the process.
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.events import Progress
from aigc_core.tasks.study import COUNTS
from aigc_core.text import Text

if TYPE_CHECKING:
    from aigc_core.metrics.reference import Reference
    from aigc_core.metrics.unseen import Unseen

# Draws from which a standard deviation says something.
ENOUGH = 4
REAL = Text("the same with real digits", "对真实数字做同样的测量")

Values = dict[str, float]


@dataclass(frozen=True)
class Floor:
    """One figure of real digits.

    Args:
        value: mean over draws that share no digit.
        deviation: standard deviation between such draws; where too few of this size are to be
            had, of the next smaller size that has enough, which is rather larger.
        draws: how many the mean is over.
    """

    value: float
    deviation: float
    draws: int


@cache
def reference() -> "Reference":
    """The statistics of the training digits."""
    from aigc_core.metrics import reference as references

    return references.read()


@cache
def unseen() -> "Unseen":
    """The test digits as the judge sees them."""
    from aigc_core.metrics import unseen as unseens

    return unseens.read()


DRAWS: dict[int, list[Values]] = {}


def floors(count: int) -> Generator[Progress, None, dict[str, Floor]]:
    """The floor of every figure at a number of pictures.

    Raises:
        AigcError: what the judge made of real digits is missing, damaged or another judge's.
    """
    own = yield from draws(count)
    wide = own
    if len(own) < ENOUGH:
        smaller = (n for n in sorted(COUNTS, reverse=True) if n < count)
        for n in smaller:
            wide = yield from draws(n)
            if len(wide) >= ENOUGH:
                break
    return {
        name: Floor(
            float(np.mean([draw[name] for draw in own])),
            float(np.std([draw[name] for draw in wide], ddof=1)),
            len(own),
        )
        for name in own[0]
    }


def draws(count: int) -> Generator[Progress, None, list[Values]]:
    """The figures of each of as many sets of real digits as there can be."""
    from aigc_core.metrics.neighbours import share_closer
    from aigc_core.metrics.scores import each_score

    if count not in DRAWS:
        sets = unseen().draws(count, reference().prior)
        found: list[Values] = []
        for place, real in enumerate(sets):
            values: Values = {}
            for name, score in each_score(real.judgement, real.labels, reference()):
                yield Progress(place, len(sets), REAL)
                values[name] = score.value
            values["pixel_distance"] = float(np.median(real.pixel_distance))
            values["pixel_closer"] = share_closer(real.pixel_distance, sets[0].pixel_distance)
            found.append(values)
        DRAWS[count] = found
    return DRAWS[count]
