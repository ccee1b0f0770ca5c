import numpy as np
import pytest

from aigc_core.data import tang, tang_lines
from aigc_core.data.tang import FILES, NOTHING
from aigc_core.data.tang_lines import (
    LENGTHS,
    as_numbers,
    as_text,
    framed_lines,
    line_vocabulary,
    load_lines,
    training_lines,
)

needs_tang = pytest.mark.skipif(
    any(file.path() is None for file in FILES.values()), reason="the poems are not on this machine"
)


def test_a_line_is_its_numbers_the_end_and_nothing():
    rows = as_numbers(["山山水山水", "水水水水水水山"], "\n山水")
    assert rows.tolist() == [
        [1, 1, 2, 1, 2, 0, NOTHING, NOTHING],
        [2, 2, 2, 2, 2, 2, 1, 0],
    ]
    assert [as_text(row, "\n山水") for row in rows] == ["山山水山水", "水水水水水水山"]
    assert as_text(np.array([2, 1]), "\n山水") == "水山"


def test_an_unknown_character_is_not_passed_over():
    with pytest.raises(KeyError):
        as_numbers(["山火"], "\n山水")


def test_test_lines_are_new_and_differ(monkeypatch: pytest.MonkeyPatch):
    def poems(split: str, **_: object) -> tuple[tang.Poem, ...]:
        known, new, seven = "一二三四五", "五四三二一", "一二三四五六七"
        text = f"{known}，{seven}。" if split == "train" else f"{known}，{new}。{new}，三。"
        return (tang.Poem("", "", text),)

    monkeypatch.setattr(tang_lines, "load_quatrains", poems)
    assert load_lines("train") == ("一二三四五", "一二三四五六七")
    assert load_lines("test") == ("五四三二一",)


@needs_tang
def test_the_lines_of_the_poems():
    train, test = load_lines("train"), load_lines("test")
    assert len(train) > 50_000
    assert len(test) > 2_000
    assert not set(train) & set(test)
    assert len(set(test)) == len(test)
    assert {len(line) for line in train + test} == set(LENGTHS)
    vocabulary = line_vocabulary()
    assert set("".join(train + test)) <= set(vocabulary[1:])
    assert not set("57，。") & set(vocabulary)
    (rows,) = training_lines()
    assert as_text(rows[-1], vocabulary) == train[-1]
    (framed,) = framed_lines()
    assert not framed[:, 0].any()
    assert np.array_equal(framed[:, 1:], rows)
