"""Where values lie on an axis, and which of them are written beside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Self


@dataclass(frozen=True)
class Scale:
    """An axis from `low` at 0 to `high` at 1.

    Args:
        low: less than `high`, and above 0 on a logarithmic axis.
        logarithmic: equal ratios lie equally far apart.
    """

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def over(
        cls, values: Iterable[float], *, logarithmic: bool = False, room: float = 0.06
    ) -> Self:
        """An axis that holds all values (one at least), with some room at both ends."""
        values = list(values)
        low, high = min(values), max(values)
        if logarithmic:
            factor = max(high / low, 1.01) ** room
            return cls(low / factor, high * factor, logarithmic=True)
        margin = room * (high - low) or max(abs(high), 1.0) / 10
        return cls(low - margin, high + margin)

    def place(self, value: float) -> float:
        """Where a value lies, 0 to 1 within the axis."""
        if self.logarithmic:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = 4) -> list[float]:
        """A few round values on the axis, two at least where there are any."""
        return self._powers(most) if self.logarithmic else self._steps(most)

    def _powers(self, most: int) -> list[float]:
        first, last = floor(log10(self.low)), ceil(log10(self.high))
        chosen: list[float] = []
        for factors in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
            fine = [f * 10.0**power for power in range(first, last + 1) for f in factors]
            chosen = [value for value in fine if self.low <= value <= self.high]
            if len(chosen) >= 2:
                break
        return chosen[:: max(1, ceil(len(chosen) / most))]

    def _steps(self, most: int) -> list[float]:
        rough = (self.high - self.low) / most
        unit = 10.0 ** floor(log10(rough))
        step = next(f * unit for f in (1, 2, 5, 10) if f * unit >= rough)
        return [n * step for n in range(ceil(self.low / step), floor(self.high / step) + 1)]


def short(value: float) -> str:
    """A round value as it stands beside an axis: `0.5`, `20`, `300k`, `2M`."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return minus(f"{value / size:g}{unit}")
    return minus(f"{round(value, 9):g}")


def minus(figure: str) -> str:
    """A figure with a true minus where it has a hyphen."""
    return figure.replace("-", "−")
