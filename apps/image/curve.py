"""Why the sample size matters: the FID of real digits at each size, and results among it."""

from collections.abc import Sequence
from math import log10

from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import AigcError
from aigc_core.metrics.card import Rung, read_card
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.perturbations import UNTOUCHED
from aigc_core.text import Text
from apps.image.columns import Column
from apps.ui.markup import lede

JUDGE = CHECKPOINTS / "mnist-classifier"
LEDE = Text(
    "Why the sample size matters: even real digits, which cannot be bettered, have an FID above 0, "
    "and it falls as there are more of them. Figures of different sizes do not compare; read each "
    "by the floor at its own size. Dots are your results. Both axes are logarithmic.",
    "样本量为何重要：即使是无可挑剔的真实数字，FID 也大于 0，且随数量增多而下降。"
    "不同样本量的指标不可比较；每个数值都应对照同样样本量的下限。圆点是您的结果。两轴均为对数。",
)
FLOOR = Text("FID of real digits", "真实数字的 FID")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 620, 230, 46, 20, 16, 30


def floor_rungs() -> list[Rung]:
    """The FID of real digits by size, from the judge's card; fewest first."""
    try:
        rungs = read_card(JUDGE).ladder
    except AigcError:
        return []
    own = [rung for rung in rungs if rung.perturbation == UNTOUCHED.id]
    return sorted(own, key=lambda rung: int(rung.args["n"]))


def curve(columns: Sequence[Column]) -> str:
    """The floor as a line, results as dots."""
    floors = [(int(rung.args["n"]), rung.value) for rung in floor_rungs()]
    if not floors:
        return ""
    dots = [(c.count, c.values["fid"], c) for c in columns if c.values["fid"] > 0]
    values = [value for _, value in floors] + [value for _, value, _ in dots]
    sizes = [n for n, _ in floors]
    low, high = log10(min(values)) - 0.1, log10(max(values)) + 0.1

    def x(n: int) -> float:
        share = log10(n / sizes[0]) / log10(sizes[-1] / sizes[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - log10(value)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    show = METRICS["fid"].show
    path = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in floors)
    parts = [f'<polyline points="{path}"/>']
    for n, value in floors:
        parts.append(f'<circle class="floor" cx="{x(n):.1f}" cy="{y(value):.1f}" r="3"/>')
        parts.append(f'<text x="{x(n):.1f}" y="{y(value) - 8:.1f}">{show(value)}</text>')
        parts.append(f'<text x="{x(n):.1f}" y="{HEIGHT - 8}">{n:,}</text>')
    for n, value, column in dots:
        said = f"{column.title.en} · {column.title.zh}: {show(value)}"
        parts.append(
            f'<circle class="dot" cx="{x(n):.1f}" cy="{y(value):.1f}" r="5">'
            f"<title>{said}</title></circle>"
        )
    return (
        f'{lede(LEDE)}<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{FLOOR.en} · {FLOOR.zh}">{"".join(parts)}</svg>'
    )
