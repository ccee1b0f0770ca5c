"""A grid of weights with names at its sides: a table with cells the darker, the more they hold."""

from html import escape

import numpy as np

from aigc_core.text import Text
from apps.text.tokens import visible
from apps.ui.language import both

# In grids up to so many columns each cell shows its value; in wider ones on hover, and to those who
# have the page read to them.
FIGURES = 14
# On cells deeper than this, paper can be read better than ink.
DEEP = 0.55


def heatmap(weights: np.ndarray, rows: list[str], columns: list[str], title: Text) -> str:
    """HTML of a grid of weights.

    Args:
        weights: (rows, columns) in 0..1; NaN where there is none.
        rows: what stands at the left, such as the words that were written.
        columns: what stands above, such as the words that were looked at.
        title: what the grid shows, below it.
    """
    assert weights.shape == (len(rows), len(columns))
    above = "".join(f'<th scope="col">{turned(column)}</th>' for column in columns)
    lines = "".join(
        f'<tr><th scope="row">{name(row)}</th>{cells(values, row, columns)}</tr>'
        for row, values in zip(rows, weights, strict=True)
    )
    kind = "heatmap" if len(columns) <= FIGURES else "heatmap fine"
    return (
        f'<figure class="{kind}"><div><table><thead><tr><td></td>{above}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div><figcaption>{both(title)}</figcaption></figure>"
    )


def cells(values: np.ndarray, row: str, columns: list[str]) -> str:
    """The cells of one row. A value's depth goes to the style sheet, which knows light and dark."""
    return "".join(
        f'<td title="{name(row)} → {name(column)}"></td>'
        if np.isnan(value)
        else f'<td{" class=deep" if value > DEEP else ""} style="--depth:{value:.3f}" '
        f'title="{name(row)} → {name(column)}: {value:.2f}"><span>{value:.2f}</span></td>'
        for column, value in zip(columns, values, strict=True)
    )


def turned(column: str) -> str:
    """What stands above a column: words are turned to save room, a single character is not."""
    return f"<span{' class=turned' if len(column) > 1 else ''}>{name(column)}</span>"


def name(token: str) -> str:
    return escape(visible(token))
