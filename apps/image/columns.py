"""Results side by side as one table: a column each, a row for each figure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aigc_core.catalog import Entry
from aigc_core.media import sheet
from aigc_core.metrics.glossary import METRICS, Better
from aigc_core.studies.quality import Measured, Verdict
from aigc_core.tasks.study import MeasureQuality
from aigc_core.text import Text
from apps.ui.language import both
from apps.ui.markup import noted, picture, said
from apps.ui.quality import card_of

ROWS = ("fid", "inception_score", "label_accuracy", "class_distance", "precision", "recall",
        "density", "coverage")  # fmt: skip
NEARNESS = ("pixel_distance", "pixel_closer")
DAMAGES = {choice.value: choice.name for choice in MeasureQuality.shown("damage").choices}

# What stands for a model in the column of real digits.
FLOOR = ""
REAL = Text("Real digits", "真实数字")
LOWEST = Text("the floor", "下限")
SIZE = Text("n = {n}", "n = {n}")
CARD = Text("from its card", "取自模型卡")
SPOILED = Text("{damage}, n = {n}", "{damage}，样本数 {n}")
TOOK = Text("{seconds} s", "{seconds} 秒")
WAS = Text("was {value}", "原为 {value}")
SPREAD = Text("± {value}", "± {value}")
DIRECTIONS: dict[Better, str] = {"lower": "↓", "higher": "↑", "real": "≈", "neither": ""}
NOTHING = Text("Nothing is measured yet.", "尚无测量结果。")
VERDICTS: dict[Verdict, Text] = {
    "noticed": Text("noticed", "已察觉"),
    "missed": Text("missed", "未察觉"),
    "misled": Text("misled", "被误导"),
}


@dataclass(frozen=True)
class Column:
    """One result.

    Args:
        model: its id.
        title: its name.
        note: what was measured.
        source: where the figures are from, or how long they took.
        count: the sample size, at which real digits have their floor.
        values: its figures.
        floors: those of real digits, and their standard deviation where it is known.
        before: the figures without the damage, where there was any.
        verdicts: what each figure made of it.
        head: the first of the pictures, as HTML.
        damage: its name, where there was any.
    """

    model: str
    title: Text
    note: Text
    source: Text
    count: int
    values: dict[str, float]
    floors: dict[str, tuple[float, float | None]]
    before: dict[str, float] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    head: str = ""
    damage: Text | None = None


def from_card(entry: Entry) -> Column | None:
    """What a model's card says; None where it has none."""
    card = card_of(entry)
    if card is None:
        return None
    figures = [figure for figure in card.figures if figure.name in ROWS]
    if not figures:
        return None
    count = figures[0].args.get("n", 0)
    return Column(
        entry.id,
        entry.short,
        SIZE.fill(n=f"{count:,}"),
        CARD,
        count,
        {figure.name: figure.value for figure in figures},
        {figure.name: (figure.floor, None) for figure in figures if figure.floor is not None},
    )


def from_study(entry: Entry, found: Measured) -> Column:
    """What a study found."""
    asked = found.request
    spoiled = asked.damage != "none"
    note = (SPOILED if spoiled else SIZE).fill(damage=DAMAGES[asked.damage], n=f"{asked.count:,}")
    verdicts = {name: verdict for name in found.after if (verdict := found.verdict(name))}
    return Column(
        entry.id,
        entry.short,
        note,
        TOOK.fill(seconds=f"{found.seconds:.1f}"),
        asked.count,
        found.after,
        {name: (floor.value, floor.deviation) for name, floor in found.floors.items()},
        found.before if spoiled else {},
        verdicts,
        picture(sheet(found.pictures, columns=5), noted(entry.name, note)),
        DAMAGES[asked.damage] if spoiled else None,
    )


def table(columns: Sequence[Column], heads: dict[str, str]) -> str:
    """All results, those of one size beside the floor of that size.

    Args:
        heads: pictures of columns that have none, by model.
    """
    if not columns:
        return f'<p class="lede small">{both(NOTHING)}</p>'
    ordered = arranged(columns)
    searched = any(name in column.values for column in columns for name in NEARNESS)
    names = [*ROWS, *(NEARNESS if searched else ())]
    top = "".join(head(column, heads.get(column.model, "")) for column in ordered)
    lines = "".join(line(name, ordered) for name in names)
    return (
        f'<div class="measured"><table><thead><tr><th></th>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def arranged(columns: Sequence[Column]) -> list[Column]:
    """Results by size, in the order of the first of each, after the floor of that size."""
    ordered: list[Column] = []
    for size in dict.fromkeys(column.count for column in columns):
        group = [column for column in columns if column.count == size]
        ordered += [floor_of(group), *group]
    return ordered


def floor_of(group: Sequence[Column]) -> Column:
    """Real digits at the size of some results; a study knows the spread, a card does not."""
    count = group[0].count
    floors = max((column.floors for column in group), key=spreads)
    values = {name: value for name, (value, _) in floors.items()}
    return Column(FLOOR, REAL, SIZE.fill(n=f"{count:,}"), LOWEST, count, values, floors)


def spreads(floors: dict[str, tuple[float, float | None]]) -> int:
    return sum(deviation is not None for _, deviation in floors.values())


def head(column: Column, picture: str) -> str:
    notes = "".join(f"<small>{both(note)}</small>" for note in (column.note, column.source))
    return f"<th>{column.head or picture}<b>{both(column.title)}</b>{notes}</th>"


def line(name: str, columns: Iterable[Column]) -> str:
    metric = METRICS[name]
    cells = "".join(f"<td>{cell(name, column)}</td>" for column in columns)
    name = f"{both(metric.title)} {DIRECTIONS[metric.better]}"
    return f'<tr><th title="{said(metric.says)}">{name}</th>{cells}</tr>'


def cell(name: str, column: Column) -> str:
    """A figure, what it was before the damage, and whether it noticed."""
    if name not in column.values:
        return "–"
    show = METRICS[name].show
    parts = [f"<b>{show(column.values[name])}</b>"]
    if column.model == FLOOR:
        deviation = column.floors[name][1]
        if deviation is not None:
            parts.append(f"<small>{both(SPREAD.fill(value=brief(name, deviation)))}</small>")
    if name in column.verdicts:
        verdict = column.verdicts[name]
        parts.append(f' <em class="{verdict}">{both(VERDICTS[verdict])}</em>')
    if name in column.before:
        parts.append(f"<small>{both(WAS.fill(value=show(column.before[name])))}</small>")
    return "".join(parts)


def brief(name: str, deviation: float) -> str:
    """A deviation in the figure's unit, to two digits."""
    return f"{100 * deviation:.2g} %" if METRICS[name].share else f"{deviation:.2g}"


def plain(found: Measured) -> dict[str, Any]:
    """A result as JSON."""
    return {
        "model": found.model,
        **found.request.model_dump(),
        "judged": found.count,
        "figures": found.after,
        "without_damage": found.before,
        "real_digits": {name: vars(floor) for name, floor in found.floors.items()},
        "verdicts": {name: found.verdict(name) for name in found.after},
        "seconds": round(found.seconds, 2),
    }
