"""Why the sample size matters: the FID of real digits at each size, and results among it."""

from collections.abc import Sequence
from html import escape
from math import log10

from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import AigcError
from aigc_core.metrics.card import Rung, read_card
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.perturbations import UNTOUCHED
from aigc_core.text import Text
from apps.image.columns import Column
from apps.ui.markup import lede, said

JUDGE = CHECKPOINTS / "mnist-classifier"
LEDE = Text(
    "Why the sample size matters: even real digits, which cannot be bettered, have an FID above 0, "
    "and it falls as there are more of them. Figures of different sizes do not compare; read each "
    "by the floor at its own size. Dots are the results above. Both axes are logarithmic.",
    "样本量为何重要：即使是无可挑剔的真实数字，FID 也大于 0，且随数量增多而下降。"
    "不同样本量的指标不可比较；每个数值都应对照同样样本量的下限。圆点是上表中的结果。两轴均为对数。",
)
NAMED = Text("{title}, {damage}", "{title}，{damage}")
FLOOR = Text("FID of real digits", "真实数字的 FID")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 620, 250, 50, 30, 16, 44


def floor_rungs() -> list[Rung]:
    """The FID of real digits by size, from the judge's card; fewest first."""
    try:
        rungs = read_card(JUDGE).ladder
    except AigcError:
        return []
    own = [rung for rung in rungs if rung.step == UNTOUCHED.id]
    return sorted(own, key=lambda rung: int(rung.args["n"]))


def curve(columns: Sequence[Column]) -> str:
    """The floor as a line, results as dots with their names."""
    floors = [(int(rung.args["n"]), rung.value) for rung in floor_rungs()]
    if not floors:
        return ""
    results = sorted((c for c in columns if c.values["fid"] > 0), key=lambda c: -c.values["fid"])
    values = [value for _, value in floors] + [c.values["fid"] for c in results]
    sizes = [n for n, _ in floors] + [c.count for c in results]
    fewest, most = min(sizes), max(sizes)
    low, high = log10(min(values)) - 0.1, log10(max(values)) + 0.1

    def x(n: int) -> float:
        share = log10(n / fewest) / log10(most / fewest)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - log10(value)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    show = METRICS["fid"].show
    path = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in floors)
    parts = [f'<polyline points="{path}"/><text x="14" y="{TOP}">FID</text>']
    parts.append(f'<text x="14" y="{HEIGHT - 6}">n</text>')
    for n, value in floors:
        parts.append(f'<circle cx="{x(n):.1f}" cy="{y(value):.1f}" r="3"/>')
        parts.append(f'<text x="{x(n):.1f}" y="{y(value) + 16:.1f}">{show(value)}</text>')
        parts.append(f'<text x="{x(n):.1f}" y="{HEIGHT - 6}">{n:,}</text>')
    lowest: dict[int, float] = {}
    for column in results:
        right, up = x(column.count), y(column.values["fid"])
        # Names below each other, where dots lie close.
        beside = max(up + 4, lowest.get(column.count, 0) + 12)
        lowest[column.count] = beside
        parts.append(f'<circle class="dot" cx="{right:.1f}" cy="{up:.1f}" r="4"/>')
        parts.append(
            f'<text class="name" x="{right + 9:.1f}" y="{beside:.1f}">{name(column)}</text>'
        )
    return (
        f'<div class="why">{lede(LEDE)}<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{said(FLOOR)}">{"".join(parts)}</svg></div>'
    )


def name(column: Column) -> str:
    """What a dot is, in both languages, of which the style sheet shows one."""
    words = NAMED.fill(title=column.title, damage=column.damage) if column.damage else column.title
    en, zh = map(escape, words)
    return f'<tspan class="en">{en}</tspan><tspan class="zh">{zh}</tspan>'
