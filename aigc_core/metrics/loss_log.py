"""The losses that a training wrote down: thinned for a curve, and around single moments."""

import json
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np

from aigc_core.errors import UnreadableFile
from aigc_core.text import Text

LOG = "log.jsonl"
MOST = 200
DAMAGED = Text(
    "{name} in the run's folder is missing or damaged: {why}.",
    "训练文件夹中的 {name} 缺失或已损坏：{why}。",
)


@dataclass(frozen=True)
class LossLog:
    """Mean losses of stretches of a training that follow one another.

    Args:
        ends: (n,) the step after which each stretch ends; the first begins at 0.
        losses: (n,) of each player.
    """

    ends: np.ndarray
    losses: dict[str, np.ndarray]

    @property
    def starts(self) -> np.ndarray:
        """(n,) the step after which each stretch begins."""
        return np.concatenate([[0.0], self.ends[:-1]])

    def thinned(self, most: int = MOST) -> "LossLog":
        """At most so many stretches, whose ends lie evenly on a logarithmic scale."""
        first, last = float(self.ends[0]), float(self.ends[-1])
        scale = most / max(log(last / first), 1e-9)
        group = np.minimum(np.log(self.ends / first) * scale, most - 1).astype(int)
        cuts = np.flatnonzero(np.append(np.diff(group), 1))
        ends, starts = self.ends[cuts], np.concatenate([[0.0], self.ends[cuts][:-1]])
        means = {
            player: np.array([self.mean(player, a, b) for a, b in zip(starts, ends, strict=True)])
            for player in self.losses
        }
        return LossLog(ends, means)

    def mean(self, player: str, start: float, end: float) -> float:
        """A player's mean loss from one step to another, as far as the log reaches."""
        shared = np.minimum(self.ends, end) - np.maximum(self.starts, start)
        weights = shared.clip(min=0)
        if not weights.any():
            raise ValueError(f"no loss was written from step {start} to {end}")
        return float(np.average(self.losses[player], weights=weights))

    def around(self, player: str, steps: np.ndarray) -> np.ndarray:
        """A player's mean loss around each of the steps (n,), n >= 2.

        From halfway, on a logarithmic scale, to the step before, until halfway to the one after.
        """
        between = np.sqrt(steps[:-1] * steps[1:])
        starts = np.concatenate([[steps[0] ** 2 / between[0]], between])
        ends = np.concatenate([between, [steps[-1]]])
        return np.array([self.mean(player, a, b) for a, b in zip(starts, ends, strict=True)])


def read_log(folder: Path) -> LossLog:
    """The log of a run.

    Raises:
        UnreadableFile: it is missing, empty or not a log; or its losses are no numbers.
    """
    try:
        rows = [json.loads(line) for line in (folder / LOG).read_text("utf-8").splitlines()]
        ends = np.array([row["step"] for row in rows], np.float64)
        losses = {
            player: np.array([row["losses"][player] for row in rows], np.float64)
            for player in rows[0]["losses"]
        }
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UnreadableFile(DAMAGED, name=LOG, why=repr(error)) from error
    if not all(np.isfinite(values).all() for values in losses.values()):
        raise UnreadableFile(DAMAGED, name=LOG, why="NaN")
    if ends[0] <= 0 or not (np.diff(ends) > 0).all():
        raise UnreadableFile(DAMAGED, name=LOG, why="step")
    return LossLog(ends, losses)
