import random
from math import exp

import pytest
from sacrebleu.metrics import BLEU

from aigc_core.metrics.bleu import References, mean_bleu, self_bleu

ORDERS = (1, 2, 3, 4)


def lines(count: int, seed: int, *, shortest: int = 4, longest: int = 9) -> list[str]:
    """Random lines of few characters, so that runs are shared and come several times in a line."""
    rng = random.Random(seed)
    return [
        "".join(rng.choices("春江花月夜", (8, 4, 2, 1, 1), k=rng.randint(shortest, longest)))
        for _ in range(count)
    ]


def theirs(line: str, references: list[str], order: int) -> float:
    """sacrebleu's, each character being a word."""
    metric = BLEU(tokenize="none", max_ngram_order=order, smooth_method="floor", smooth_value=0.1)
    return metric.sentence_score(" ".join(line), [" ".join(r) for r in references]).score / 100


@pytest.mark.parametrize("order", ORDERS)
def test_bleu_is_that_of_sacrebleu(order: int):
    references = lines(12, seed=0)
    known = References(references, order)
    found = [known.bleu(line) for line in lines(60, seed=1)]
    assert found == pytest.approx([theirs(a, references, order) for a in lines(60, seed=1)])
    assert len({round(value, 3) for value in found}) > 10 or order == 1


@pytest.mark.parametrize("order", ORDERS)
def test_short_lines_are_punished_as_sacrebleu_does(order: int):
    references = ["春江潮水连海平", "海上明月共潮生"]
    for line in ("春江潮水", "海上明月共", "春江潮水连海平", "春江潮水连海平平平"):
        assert References(references, order).bleu(line) == pytest.approx(
            theirs(line, references, order)
        )
    assert References(["abcdefgh"], 1).bleu("abcd") == pytest.approx(exp(-1))


@pytest.mark.parametrize("order", ORDERS)
def test_self_bleu_leaves_out_each_line_itself(order: int):
    made = [*lines(15, seed=2), "春江花月夜", "春江花月夜", "春" * 9]
    expected = [
        theirs(line, made[:place] + made[place + 1 :], order) for place, line in enumerate(made)
    ]
    assert self_bleu(made, order) == pytest.approx(sum(expected) / len(expected))


def test_lines_that_are_all_alike_have_a_self_bleu_of_one_and_lines_that_share_nothing_little():
    assert self_bleu(["春江花月夜"] * 4, 3) == pytest.approx(1)
    assert self_bleu(["春江花月夜", "床前明光疑", "白日依山尽"], 2) < 0.03


def test_the_mean_is_over_lines():
    references = lines(12, seed=0)
    both = [mean_bleu([line], references, 2) for line in ("春江花月夜", "夜夜夜夜")]
    assert mean_bleu(["春江花月夜", "夜夜夜夜"], references, 2) == pytest.approx(sum(both) / 2)


def test_what_is_shorter_than_the_runs_or_empty_has_a_score():
    references = lines(5, seed=0)
    assert References(references, 4).bleu("") == 0
    assert 0 < References(references, 4).bleu("春") < References(references, 1).bleu("春") < 1


def test_nothing_to_compare_with_is_refused():
    with pytest.raises(ValueError, match="nothing to compare with"):
        References([], 2)
    with pytest.raises(ValueError, match="but the line itself"):
        self_bleu(["春江花月夜"], 2)
