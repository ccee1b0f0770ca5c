import numpy as np
import pytest
from scipy.stats import spearmanr

from aigc_core.metrics.rank import rank_correlation, ranks


@pytest.mark.parametrize("seed", range(8))
def test_it_is_scipys(seed: int):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=24)
    b = a + rng.normal(size=24) * seed
    if seed % 2:  # With ties.
        a, b = a.round(), b.round(1)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_only_the_order_matters():
    a = np.array([3.0, 1.0, 2.0, 5.0])
    assert rank_correlation(a, np.exp(a)) == 1
    assert rank_correlation(a, -(a**3)) == -1


def test_equal_values_share_their_ranks():
    assert ranks(np.array([7.0, 1.0, 7.0, 9.0, 7.0])).tolist() == [3, 1, 3, 5, 3]


@pytest.mark.parametrize("b", [[4.0, 4.0, 4.0], [1.0, 2.0]])
def test_without_change_or_with_few_pairs_there_is_none(b: list[float]):
    assert rank_correlation(np.arange(len(b), dtype=float), np.array(b)) is None


@pytest.mark.parametrize(("a", "b"), [([1, 2, 3], [1, 2]), ([1, 2, 3], [1, 2, np.nan])])
def test_what_has_no_order_is_refused(a: list[float], b: list[float]):
    with pytest.raises(ValueError):
        rank_correlation(np.array(a, float), np.array(b, float))
