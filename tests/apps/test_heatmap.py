"""A grid of weights as people and readers of the page find it."""

import re
from html.parser import HTMLParser

import numpy as np

from aigc_core.text import Text
from apps.text.heatmap import FIGURES, heatmap

TITLE = Text("Where <it> looks", "看向何处")


class Table(HTMLParser):
    """The cells of a table, by row: (tag, attributes, text)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, dict[str, str | None], str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            tag, attrs, text = self.rows[-1][-1]
            self.rows[-1][-1] = (tag, attrs, text + data)


def test_each_cell_has_its_value_and_both_names() -> None:
    weights = np.array([[0.25, 0.75], [np.nan, 1.0], [0.1, 0.9]], np.float32)
    head, *rows = Table(heatmap(weights, ["我", " b", "<i>"], ["king", "\n"], TITLE)).rows
    assert [cell[2] for cell in head] == ["", "king", "⏎"]
    assert [row[0][2] for row in rows] == ["我", "␣b", "<i>"]
    assert [[cell[2] for cell in row[1:]] for row in rows[:2]] == [["0.25", "0.75"], ["", "1.00"]]
    assert rows[0][2][1]["title"] == "我 → ⏎: 0.75"
    assert rows[0][2][1]["style"] == "--depth:0.750"
    assert rows[1][1][1] == {"title": "␣b → king"}
    # On deep ink the figure is paper.
    assert [cell[1].get("class") for cell in rows[0][1:]] == [None, "deep"]


def test_nothing_of_a_token_is_markup() -> None:
    html = heatmap(np.ones((1, 1)), ["<img src=x onerror=alert(1)>"], ['" onclick="x'], TITLE)
    assert "<img" not in html
    assert 'onclick="x"' not in html
    assert "Where &lt;it&gt; looks" in html


def test_wide_grids_keep_their_figures_for_readers() -> None:
    names = ["x"] * (FIGURES + 1)
    wide = heatmap(np.full((1, len(names)), 0.5), ["y"], names, TITLE)
    assert 'class="heatmap fine"' in wide
    assert len(re.findall("<span>0.50</span>", wide)) == len(names)
    assert 'class="heatmap"' in heatmap(np.full((1, 1), 0.5), ["y"], ["x"], TITLE)
