import random
from difflib import SequenceMatcher

import pytest

from aigc_core.metrics.copying import (
    copied_shares,
    known_share,
    longest_copy,
    stretches,
    words,
)

SOURCE = "to be, or not to be: that is the question"


def test_shares_of_runs_by_hand():
    # Of the seven runs of four in "to be or n", "to b", "o be", " be " and so on.
    runs = ["to b", "o be", " be ", "be o", "e or", " or ", "or n"]
    expected = sum(run in SOURCE for run in runs) / len(runs)
    assert copied_shares(["to be or n"], SOURCE, [4]) == [pytest.approx(expected)]
    assert copied_shares([SOURCE], SOURCE, [1, 8, len(SOURCE)]) == [1, 1, 1]
    assert copied_shares(["xyz"], SOURCE, [2, 9]) == [0, 0]


def test_texts_count_by_their_runs():
    assert copied_shares(["not to be", "zzz"], SOURCE, [3]) == [pytest.approx(7 / 8)]


@pytest.mark.parametrize("seed", range(8))
def test_the_longest_copy_is_that_of_difflib(seed: int):
    rng = random.Random(seed)
    text, source = ("".join(rng.choices("abc", k=n)) for n in (60, 200))
    match = SequenceMatcher(None, text, source, autojunk=False).find_longest_match()
    assert longest_copy(text, source) == match.size


def test_nothing_is_copied_of_nothing():
    assert longest_copy("", SOURCE) == 0
    assert longest_copy("xyz", SOURCE) == 0


def test_words_are_english_ones_and_parts_of_words_are_left_out():
    assert words("'Tis O'er-BOLD; who'd go?") == ["tis", "o'er", "bold", "who'd", "go"]
    assert words("stion whether nob", cut=True) == ["whether"]
    assert known_share(["x to be xx y", "x question z"], {"to", "be", "question"}) == 0.75


def test_stretches_are_spread_over_the_whole_text():
    text = "".join(map(chr, range(200, 1200)))
    found = stretches(text, 5, 100)
    assert found[0] == text[:100]
    assert found[-1] == text[-100:]
    assert all(part in text and len(part) == 100 for part in found)
    assert [text.index(part) for part in found] == [0, 225, 450, 675, 900]
    with pytest.raises(ValueError, match="fewer"):
        stretches(text, 11, 100)
