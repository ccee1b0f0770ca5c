import pytest

from aigc_core.data.tang import NOTHING as EMPTY
from aigc_core.metrics.language import NOTHING
from aigc_core.metrics.poems import Corpus, bare, lines_of, rows_of, verse_values

JINGYE = "床前看月光，疑是地上霜。举头望山月，低头思故乡。"
DENG = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
SEVEN = "千里黄云白日曛，北风吹雁雪纷纷。莫愁前路无知己，天下谁人不识君。"
BROKEN = "白日依山，黄河入海流。欲穷千里目，更上一层楼。"
UNRHYMED = "白日依山尽，黄河入海流。欲穷千里目，更上一层山。"


@pytest.fixture
def corpus() -> Corpus:
    return Corpus.of([JINGYE, SEVEN])


def test_form_and_rhyme_are_counted_by_form(corpus: Corpus):
    values = verse_values([JINGYE, BROKEN, SEVEN, DENG], ["5", "5", "7", "7"], corpus)
    assert values["form_kept"] == 0.5
    assert values["form_kept_5"] == 0.5
    # It keeps a form, but not the one asked for.
    assert values["form_kept_7"] == 0.5
    assert values["rhyme"] == 1


def test_rhyme_is_that_of_poems_that_keep_the_form():
    values = verse_values([DENG, UNRHYMED, BROKEN], ["5", "5", "5"])
    assert values["rhyme"] == 0.5
    assert "copied_poems" not in values
    assert verse_values([BROKEN], ["5"])["rhyme"] == 0


def test_copies_show(corpus: Corpus):
    values = verse_values([JINGYE, DENG], ["5", "5"], corpus)
    assert values["copied_poems"] == 0.5
    assert values["copied_lines"] == 0.5
    # The whole of one, and of the other no two characters in a row but the end of a line.
    assert values["longest_run"] == pytest.approx((24 + 2) / 2, abs=1)
    assert values["longest_run_95"] > values["longest_run"]


def test_a_run_does_not_go_from_one_poem_to_the_next(corpus: Corpus):
    across = JINGYE[-6:] + SEVEN[:8]
    assert verse_values([across], ["5"], corpus)["longest_run"] == 8


def test_poems_are_compared_in_one_line():
    assert bare("床前看月光，\n疑是地上霜。\n") == JINGYE[:12]
    assert lines_of(DENG) == ["白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼"]


def test_rows_are_as_models_read_them():
    vocabulary = "\n57，。" + "".join(sorted({*JINGYE, *SEVEN} - set("，。")))
    rows = rows_of([JINGYE, SEVEN], vocabulary)
    assert rows.shape == (2, 34)
    assert NOTHING == EMPTY
    read = ["".join(vocabulary[i] for i in row if i != NOTHING) for row in rows]
    assert read == [f"5{JINGYE}\n", f"7{SEVEN}\n"]
