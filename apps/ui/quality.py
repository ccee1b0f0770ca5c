"""A model's measured quality, read from its card: a line under the picture, and the whole table."""

from html import escape

from aigc_core import default_engine
from aigc_core.artifact import Record
from aigc_core.catalog import Entry
from aigc_core.errors import AigcError
from aigc_core.metrics.card import Card, Figure, read_card
from aigc_core.metrics.glossary import BETTER, METRICS
from aigc_core.metrics.perturbations import LADDER
from aigc_core.tasks.image import SampleImages
from aigc_core.text import Text
from apps.ui.language import both
from apps.ui.markup import facts, lede, same

# FID means nothing without the floor beside it; the others speak for themselves.
LINE = {"fid": True, "label_accuracy": False}
PARAMETERS = Text("parameters", "参数")
THIS = Text("this picture", "本次用时")
BESIDE = Text("{value} (real {floor})", "{value}（真实 {floor}）")

LEDE = Text(
    "{n} pictures of the model against the training digits, and as many real test digits "
    "measured in the same way: a figure says little without what real data score.",
    "以模型生成的 {n} 幅图与训练数字比较，并以同样方法测量等量的真实测试数字。"
    "单看指标而不知真实数据的得分，说明不了什么。",
)
LADDER_LEDE = Text(
    "What the FID sees: real test digits, spoiled on purpose. Bars grow with the logarithm.",
    "FID 看到了什么：故意破坏真实测试数字。条形按对数增长。",
)
COMMAND = Text("Measured by", "测量命令")
HEADS = (
    Text("Figure", "指标"),
    Text("Model", "模型"),
    Text("Real digits", "真实数字"),
    Text("What it says", "含义"),
)


def quality_facts(entry: Entry, record: Record | None = None, *, floors: bool = True) -> str:
    """The line under the picture: a few figures of the card, and how long this run took.

    Args:
        floors: whether what real digits score stands beside a figure that means little without.
    """
    problem = default_engine().problem(entry)
    if problem is not None:
        return f'<p class="notice">{both(problem)}</p>'
    pairs = real_facts() if entry.is_data else card_facts(entry, floors)
    if not entry.is_data:
        pairs.append((PARAMETERS, same(f"{entry.parameters:,}")))
    if record is not None:
        pairs.append((THIS, same(f"{1000 * record.seconds:.0f} ms")))
    return facts(*pairs)


def card_facts(entry: Entry, floors: bool) -> list[tuple[Text, Text]]:
    """A few figures of a model's card."""
    card = card_of(entry)
    figures = {name: card.figure(name) for name in LINE} if card else {}
    return [
        (METRICS[name].title, shown(figure, floor=floors and LINE[name]))
        for name, figure in figures.items()
        if figure
    ]


def real_facts() -> list[tuple[Text, Text]]:
    """The same of real digits, which have no card: what the default model's compares with."""
    models = [entry for entry in default_engine().models(SampleImages) if not entry.is_data]
    card = card_of(models[0]) if models else None
    figures = [card.figure(name) for name in LINE] if card else []
    return [
        (METRICS[figure.name].title, same(METRICS[figure.name].show(figure.floor)))
        for figure in figures
        if figure and figure.floor is not None
    ]


def shown(figure: Figure, *, floor: bool = True) -> Text:
    """A figure, and in brackets what real digits score."""
    metric = METRICS[figure.name]
    value = metric.show(figure.value)
    if figure.floor is None or not floor:
        return same(value)
    return BESIDE.fill(value=value, floor=metric.show(figure.floor))


def card_of(entry: Entry) -> Card | None:
    """A model's card, or None while it has none."""
    try:
        return read_card(entry.folder)
    except AigcError:
        return None


def quality(entry: Entry) -> str:
    """Every figure beside the floor, the ladder, and the command that measured them."""
    try:
        card = read_card(entry.folder)
    except AigcError as error:
        return lede(error.text)
    head = "".join(f"<th>{both(name)}</th>" for name in HEADS)
    rows = "".join(row(figure) for figure in card.figures)
    fid = card.figure("fid")
    intro = LEDE.fill(n=f"{fid.args['n']:,}" if fid else "")
    return (
        f'{lede(intro)}<table class="quality"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
        f"</table>{ladder(card)}"
        f'<p class="quiet">{both(COMMAND)} '
        f"<code>python -m aigc_core.metrics {escape(entry.id)}</code></p>"
    )


def row(figure: Figure) -> str:
    metric = METRICS[figure.name]
    floor = "" if figure.floor is None else metric.show(figure.floor)
    return (
        f"<tr><th>{both(metric.title)}</th><td>{metric.show(figure.value)}</td><td>{floor}</td>"
        f"<td>{both(metric.says)} <small>{both(BETTER[metric.better])}</small></td></tr>"
    )


def ladder(card: Card) -> str:
    """The FID of spoiled digits as bars, the model's own among them."""
    from math import log10

    names = {step.id: step.name for step in LADDER}
    bars = [(names[rung.perturbation], rung.value, False) for rung in card.ladder]
    if fid := card.figure("fid"):
        bars.append((Text(card.model, card.model), fid.value, True))
    if not bars:
        return ""
    bars.sort(key=lambda bar: bar[1])
    low, high = log10(bars[0][1]) - 0.15, log10(bars[-1][1])
    lines = "".join(
        f'<div class="bar{" ours" if ours else ""}"><span>{both(name)}</span>'
        f'<i style="width:{100 * (log10(value) - low) / (high - low):.1f}%"></i>'
        f"<b>{METRICS['fid'].show(value)}</b></div>"
        for name, value, ours in bars
    )
    return f'{lede(LADDER_LEDE)}<div class="bars">{lines}</div>'
