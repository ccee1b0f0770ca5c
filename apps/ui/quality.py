"""A model's measured quality, read from its card: a line under an answer, and the whole table."""

from html import escape

from aigc_core import default_engine
from aigc_core.artifact import Record
from aigc_core.catalog import Entry
from aigc_core.errors import AigcError
from aigc_core.metrics.card import Card, Figure, read_card
from aigc_core.metrics.glossary import BETTER, METRICS
from aigc_core.metrics.kinds import BESIDE, DIGITS, kind_of
from aigc_core.metrics.ladders import LADDERS
from aigc_core.tasks import TASKS
from aigc_core.tasks.image import SampleImages
from aigc_core.text import Text
from apps.ui.language import both
from apps.ui.markup import facts, lede, same

PARAMETERS = Text("parameters", "参数")
THIS, THIS_TEXT = Text("this picture", "本次用时"), Text("this text", "本次用时")
SPEED = Text("tokens a second", "词元／秒")
COMMAND = Text("Measured by", "测量命令")
FIGURE, MODEL, SAYS = Text("Figure", "指标"), Text("Model", "模型"), Text("What it says", "含义")

WRITTEN = {"text", "attention", "verse", "translation", "writing"}
TEXTS = {name for name, task in TASKS.items() if task.__module__.rpartition(".")[2] in WRITTEN}


def quality_facts(entry: Entry, record: Record | None = None, *, floors: bool = True) -> str:
    """The line under an answer: a few figures of the card, and how long this run took.

    Args:
        floors: whether what real data score stand beside a figure that means little without.
    """
    problem = default_engine().problem(entry)
    if problem is not None:
        return f'<p class="notice">{both(problem)}</p>'
    if entry.is_data:
        pairs = real_facts() if entry.answers(SampleImages) else []
    else:
        pairs = card_facts(entry, floors)
        if entry.parameters:
            pairs.append((PARAMETERS, same(f"{entry.parameters:,}")))
    if record is not None:
        pairs += run_facts(record)
    return facts(*pairs)


def run_facts(record: Record) -> list[tuple[Text, Text]]:
    """How long a run took, and how fast it wrote where it counted its tokens."""
    seconds, tokens = record.seconds, record.details.get("tokens")
    if record.task not in TEXTS:
        return [(THIS, same(f"{1000 * seconds:.0f} ms"))]
    took = f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
    pairs = [(THIS_TEXT, same(took))]
    if isinstance(tokens, int) and seconds > 0:
        pairs.append((SPEED, same(f"{tokens / seconds:,.0f}")))
    return pairs


def card_facts(entry: Entry, floors: bool) -> list[tuple[Text, Text]]:
    """A few figures of a model's card."""
    card = card_of(entry)
    if card is None:
        return []
    kind = kind_of(card)
    figures = {name: card.figure(name) for name in kind.line}
    return [
        (METRICS[name].title, shown(figure, kind.short if floors and kind.line[name] else None))
        for name, figure in figures.items()
        if figure
    ]


def real_facts() -> list[tuple[Text, Text]]:
    """The same of real digits, which have no card: what the default model's compares with."""
    models = [entry for entry in default_engine().models(SampleImages) if not entry.is_data]
    card = card_of(models[0]) if models else None
    figures = [card.figure(name) for name in DIGITS.line] if card else []
    return [
        (METRICS[figure.name].title, same(METRICS[figure.name].show(figure.floor)))
        for figure in figures
        if figure and figure.floor is not None
    ]


def shown(figure: Figure, beside: Text | None) -> Text:
    """A figure, and in brackets the floor with its name, where it has one."""
    metric = METRICS[figure.name]
    value = metric.show(figure.value)
    if figure.floor is None or beside is None:
        return same(value)
    return BESIDE.fill(value=value, name=beside, floor=metric.show(figure.floor))


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
    kind = kind_of(card)
    names = (FIGURE, MODEL, Text(kind.beside.en.capitalize(), kind.beside.zh), SAYS)
    head = "".join(f"<th>{both(name)}</th>" for name in names)
    rows = "".join(row(figure) for figure in card.figures)
    first = next((figure for name in kind.line if (figure := card.figure(name))), None)
    intro = kind.lede.fill(n=f"{first.args['n']:,}" if first else "")
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
    """What the main figure is read by as bars, the model's own among them."""
    from math import log10

    if not card.ladder:
        return ""
    metric = card.ladder[0].metric
    told = LADDERS[metric]
    bars = [(told.steps[rung.step], rung.value, False) for rung in card.ladder]
    if own := card.figure(metric):
        bars.append((Text(card.model, card.model), own.value, True))
    bars.sort(key=lambda bar: bar[1])
    low, high = bars[0][1], bars[-1][1]

    def width(value: float) -> float:
        if not told.logarithmic:
            return value / high
        start = log10(low) - 0.15
        return (log10(value) - start) / (log10(high) - start)

    lines = "".join(
        f'<div class="bar{" ours" if ours else ""}"><span>{both(name)}</span>'
        f'<i style="width:{100 * width(value):.1f}%"></i>'
        f"<b>{METRICS[metric].show(value)}</b></div>"
        for name, value, ours in bars
    )
    return f'{lede(told.lede)}<div class="bars">{lines}</div>'
