"""What a kind of figure is called, what it says and which way it points.

Imports nothing heavy.
"""

from dataclasses import dataclass
from typing import Literal

from aigc_core.text import Text

Better = Literal["lower", "higher", "real", "held_out", "neither"]

BETTER: dict[Better, Text] = {
    "lower": Text("lower is better", "越低越好"),
    "higher": Text("higher is better", "越高越好"),
    "real": Text("closer to real digits is better", "越接近真实数字越好"),
    "held_out": Text("closer to unseen text is better", "越接近未见过的文本越好"),
    "neither": Text("neither lower nor higher is better", "高低本身无优劣之分"),
}


@dataclass(frozen=True)
class Metric:
    """One kind of figure.

    Args:
        title: its name.
        says: what it tells, in one sentence.
        better: which way is good; `real` and `held_out` mean as near as possible to the floor,
            `neither` that the figure tells nothing of that by itself.
        share: a share of 1, shown in percent.
        digits: of a value that is no share and below a hundred.
        paper: the address of the paper that defines it, where one does.
    """

    title: Text
    says: Text
    better: Better
    share: bool = False
    paper: str = ""
    digits: int = 3

    def show(self, value: float) -> str:
        """A value as people read it: `0.194`, `330`, `99.3 %`."""
        if self.share:
            return f"{100 * value:.2f} %"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.{self.digits}g}".rstrip(".")
