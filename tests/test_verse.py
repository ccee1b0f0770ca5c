"""The form of quatrains against a pattern, and rhymes that everybody hears."""

import random
import re

import pytest

from aigc_core.data.source import candidates
from aigc_core.data.tang import FILES, load_quatrains
from aigc_core.rhyme import GROUPS, group, rhyme
from aigc_core.verse import form_problem, rhymes

HAN = "[\u4e00-\u9fff]"
FORM = re.compile("|".join(f"(?:{HAN}{{{n}}}，{HAN}{{{n}}}。){{2}}" for n in (5, 7)))
FIVE = "床前明月光，疑是地上霜。举头望明月，低头思故乡。"
SEVEN = "朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。"

poems = pytest.mark.skipif(
    not all(path.is_file() for file in FILES.values() for path in candidates(file.name)[:1]),
    reason="the quatrains are not on this machine",
)


@pytest.mark.parametrize("poem", [FIVE, SEVEN, FIVE.replace("，", "，\n"), f" {SEVEN}\n"])
def test_quatrains_keep_their_form(poem: str):
    assert form_problem(poem) is None


@pytest.mark.parametrize(
    ("poem", "said"),
    [
        ("", "Lines: 0"),
        (FIVE[:12], "Lines: 2"),
        (FIVE + FIVE, "Lines: 8"),
        (FIVE.replace("疑是", "疑"), "Line 2: 4 characters instead of 5"),
        (FIVE[:-1] + "啊。", "Line 4: 6 characters instead of 5"),
        (FIVE[:12] + SEVEN[16:], "Line 3: 7 characters instead of 5"),
        ("床前明月光疑，疑是。举。低。", "Line 1: 6 characters instead of 5 or 7"),
        (FIVE.replace("明月光", "月光"), "Line 1: 4 characters instead of 5 or 7"),
        (FIVE.replace("明", "7"), "Line 1 holds something other"),
        (FIVE.replace("霜。", "霜，"), "Line 2 ends with “，” instead of “。”"),
        (FIVE[:-1], "Line 4 ends without “。”"),
        (FIVE.replace("，", ",", 1), "Line 1 ends with “,” instead of “，”"),
        ("。" * 4, "Line 1: 0 characters"),
    ],
)
def test_what_is_wrong_is_said(poem: str, said: str):
    problem = form_problem(poem)
    assert problem is not None
    assert said in problem.en
    assert problem.zh


def test_a_form_may_be_asked_for():
    assert form_problem(FIVE, 5) is None
    assert form_problem(SEVEN, 7) is None
    assert form_problem(FIVE, 7) is not None


def test_it_agrees_with_a_pattern_on_thousands_of_damaged_poems():
    rng = random.Random(0)
    kept = 0
    for _ in range(4000):
        poem = list(rng.choice((FIVE, SEVEN)))
        for _ in range(rng.randrange(3)):
            at = rng.randrange(len(poem))
            what = rng.choice(("drop", "put", "swap"))
            if what == "drop":
                del poem[at]
            else:
                poem[at : at + (what == "swap")] = rng.choice("，。山a7\n ，月")
        damaged = "".join(poem)
        bare = "".join(damaged.split())
        assert (form_problem(damaged) is None) == bool(FORM.fullmatch(bare)), damaged
        kept += form_problem(damaged) is None
    assert 500 < kept < 3500


@poems
def test_all_poems_of_the_collection_keep_it():
    for poem in load_quatrains("test", download=False):
        assert form_problem(poem.text) is None
        assert FORM.fullmatch(poem.text)


@poems
def test_most_poems_of_the_collection_rhyme_and_shuffled_ones_do_not():
    found = [poem.text for poem in load_quatrains("test", download=False)]
    rate = sum(map(rhymes, found)) / len(found)
    ends = [text[-2] for text in found]
    random.Random(0).shuffle(ends)
    shuffled = sum(rhymes(f"{text[:-2]}{end}。") for text, end in zip(found, ends, strict=True))
    assert 0.8 < rate < 0.9
    assert shuffled / len(found) < 0.15


@pytest.mark.parametrize(
    ("a", "b", "true"),
    [
        ("霜", "乡", True),
        ("光", "霜", True),
        ("间", "山", True),
        ("天", "年", True),
        ("中", "风", True),
        ("人", "春", True),
        ("知", "时", True),
        ("月", "雪", True),
        ("儿", "枝", True),
        ("山", "水", False),
        ("回", "来", False),
        ("人", "声", False),
        ("乡", "乡", False),
        ("，", "，", False),
        ("a", "啊", False),
    ],
)
def test_what_is_heard(a: str, b: str, true: bool):
    assert rhyme(a, b) == rhyme(b, a) == true


def test_every_group_is_reached_by_a_character():
    found = {group(c) for c in "花多月书诗来归高秋天人光风"}
    assert found == set(GROUPS)


@pytest.mark.parametrize("poem", ["", "山", FIVE[:12], "，。，。"])
def test_what_is_no_quatrain_does_not_rhyme(poem: str):
    assert not rhymes(poem)


def test_quatrains_rhyme_in_the_second_and_the_fourth_line():
    assert rhymes(FIVE)
    assert rhymes(FIVE.replace("，", "，\n"))
    assert not rhymes(FIVE.replace("故乡", "故人"))
    assert not rhymes(FIVE.replace("故乡", "故霜"))
