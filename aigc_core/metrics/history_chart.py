"""history.svg: the curves of a training as one picture, for the model's card."""

from xml.sax.saxutils import escape

from aigc_core.metrics.history_panels import IMAGES, REAL, Hue, Panel, axis, panels
from aigc_core.metrics.scales import Scale, short
from aigc_core.metrics.training_history import TrainingHistory
from aigc_core.text import Text

TITLE = Text("Training of {model}", "{model} 的训练过程")

COLOURS: dict[Hue, str] = {
    "ink": "#1c1917",
    "olive": "#7d6b1d",
    "seal": "#b0301f",
    "blue": "#3f6478",
}
PAPER, LINE, QUIET = "#faf8f4", "#e5dfd4", "#5a534a"
FONTS = "'Helvetica Neue', 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif"
# Pixels: of the page, of each chart, and where the first one begins.
WIDTH, WIDE, HIGH = 760, 308, 116
LEFT, TOP, ACROSS, DOWN = 56, 84, 376, 196


def draw(history: TrainingHistory) -> str:
    """The picture as SVG, two charts side by side and as many rows as needed."""
    charts = panels(history)
    x = axis(history)
    rows = -(-len(charts) // 2)
    height = TOP + DOWN * rows - 20
    name = TITLE.fill(model=history.recipe).abreast()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="{FONTS}" font-size="12" fill="{QUIET}">',
        f"<title>{escape(name)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
        text(20, 32, name, f'font-size="17" font-weight="600" fill="{COLOURS["ink"]}"'),
    ]
    for place, panel in enumerate(charts):
        row, column = divmod(place, 2)
        parts += chart(panel, x, LEFT + ACROSS * column, TOP + DOWN * row)
    below, said = TOP + DOWN * rows - 38, IMAGES.abreast()
    parts.append(text(LEFT + ACROSS + WIDE, below, said, 'text-anchor="end" font-size="11"'))
    return "\n".join([*parts, "</svg>\n"])


def chart(panel: Panel, x: Scale, left: int, top: int) -> list[str]:
    """One chart with its axes, its upper left corner at a place."""
    colour = COLOURS[panel.hue]
    above = 28 if panel.note else 12
    parts = [text(left, top - above, panel.title.abreast(), f'fill="{colour}" font-weight="600"')]
    if panel.note:
        # A symbol reads the same in both languages.
        rho = panel.note.en.rpartition(" ")[2]
        parts.append(text(left, top - 12, f"ρ(FID) = {rho}"))
    for at, said in panel.ticks:
        y = top + HIGH * (1 - at)
        parts.append(line(left, y, left + WIDE, y, LINE))
        parts.append(text(left - 6, y + 4, said, 'text-anchor="end" font-size="11"'))
    if panel.real is not None:
        y = top + HIGH * (1 - panel.real)
        parts.append(line(left, y, left + WIDE, y, QUIET, 'stroke-dasharray="3 3"'))
        parts.append(text(left, y - 4, REAL.abreast(), 'font-size="11"'))
    points = [f"{left + WIDE * a:.1f},{top + HIGH * (1 - b):.1f}" for a, b in panel.curve]
    parts.append(
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.8" '
        'stroke-linejoin="round"/>'
    )
    below = 'text-anchor="middle" font-size="11"'
    parts += [
        text(left + WIDE * x.place(value), top + HIGH + 16, short(value), below)
        for value in x.ticks()
    ]
    return parts


def text(x: float, y: float, said: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(said)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, style: str = "") -> str:
    places = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {places} stroke="{colour}" {style}/>'
