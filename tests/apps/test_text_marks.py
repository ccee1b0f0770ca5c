"""Places marked in a text, sentences found in it, and alignments on the page."""

import re
from html import unescape
from typing import Any

import numpy as np
import pytest

from apps.text.alignment import Aligned, picture
from apps.text.marked import joined, marked

TEXT = "One <b>two</b> three. Four & five. 六七八。"


def shown(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def marks(html: str) -> list[str]:
    return [unescape(mark) for mark in re.findall("<mark>(.*?)</mark>", html)]


def test_marks_stand_where_the_places_are() -> None:
    html = marked(TEXT, [[22, 34], [4, 14]])
    assert marks(html) == [TEXT[4:14], TEXT[22:34]]
    assert shown(html) == TEXT
    assert "<b>" not in html


@pytest.mark.parametrize(
    "places", [None, [], [[5, 5]], [[-3, 4]], [[9, 2]], [["a", 3]], [[1]], [[900, 901]]]
)
def test_what_is_no_place_is_passed_over(places: Any) -> None:
    assert marked(TEXT, places) == marked(TEXT, [])


def test_places_that_touch_are_one_and_end_with_the_text() -> None:
    assert joined([[8, 12], [2, 6], [5, 8], [15, 99]], 20) == [(2, 12), (15, 20)]
    assert joined([[0, 9], [2, 4]], 20) == [(0, 9)]


def test_of_a_long_text_only_the_surroundings_are_shown() -> None:
    text = "".join(f"{number:04}" for number in range(1000))
    html = marked(text, [[400, 404], [404, 408], [3000, 3004]], around=8)
    assert shown(html) == f"…{text[392:416]}…{text[2992:3012]}…"
    assert marks(html) == [text[400:408], text[3000:3004]]
    assert shown(marked(text, [[0, 4]], around=8)) == f"{text[:12]}…"


def test_an_average_is_over_the_heads_that_are_chosen() -> None:
    weights = np.random.default_rng(0).dirichlet([1, 1], (2, 3, 1)).astype(np.float32)
    found = Aligned(weights, ["word"], ["a", "b"], "model")

    def values(layer: str, head: str) -> list[float]:
        html = picture(found, layer, head)
        return [float(value) for value in re.findall(r"--depth:([\d.]+)", html)]

    for layer, layers in (("mean", [0, 1]), ("1", [1])):
        for head, heads in (("mean", [0, 1, 2]), ("2", [2])):
            mean = weights[np.ix_(layers, heads)].mean((0, 1))[0]
            assert values(layer, head) == pytest.approx(mean.tolist(), abs=6e-4)
    # What is no number of a layer or head is all of them.
    assert values("9", "<b>") == values("mean", "mean")
