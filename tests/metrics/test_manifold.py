import numpy as np
import pytest
from prdc import compute_prdc

from aigc_core.metrics import distances
from aigc_core.metrics.distances import squared_distances
from aigc_core.metrics.manifold import density_coverage, precision_recall, reach, reaches


def clouds(shift: float = 0.4, n: int = 300, m: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, (n, 6)), rng.normal(shift, 0.8, (m, 6))


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("shift", [0.0, 0.4, 2.0])
def test_all_four_are_prdcs(k: int, shift: float):
    real, made = clouds(shift)
    theirs = compute_prdc(real, made, nearest_k=k)
    pr, dc = precision_recall(real, made, k), density_coverage(real, made, k)
    ours = {
        "precision": pr.precision,
        "recall": pr.recall,
        "density": dc.density,
        "coverage": dc.coverage,
    }
    assert ours == pytest.approx({name: float(value) for name, value in theirs.items()})


def test_balls_that_are_known_need_not_be_measured_again():
    real, made = clouds()
    known = reaches(real, 3, 5)
    for k in (3, 5):
        np.testing.assert_array_equal(known[k], reach(real, k))
    assert precision_recall(real, made, 3, known[3]) == precision_recall(real, made, 3)
    assert density_coverage(real, made, 5, known[5]) == density_coverage(real, made, 5)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch):
    real, made = clouds()
    whole = precision_recall(real, made), density_coverage(real, made)
    monkeypatch.setattr(distances, "BLOCK", 1000)
    assert (precision_recall(real, made), density_coverage(real, made)) == whole


def test_a_collapsed_model_is_precise_and_covers_nothing():
    real, _ = clouds()
    collapsed = np.repeat(real[:4], 50, axis=0)
    assert precision_recall(real, collapsed).precision == 1
    assert precision_recall(real, collapsed).recall < 0.05
    assert density_coverage(real, collapsed).coverage < 0.2


def test_too_few_for_a_neighbour_are_refused():
    real, made = clouds(n=3)
    with pytest.raises(ValueError, match="neighbour"):
        precision_recall(real, made, k=3)


def test_squared_distances_are_those_of_the_differences():
    a, b = clouds()
    found = np.concatenate([block for _, block in squared_distances(a, b)])
    np.testing.assert_allclose(found, ((a[:, None] - b) ** 2).sum(axis=2), atol=1e-12)
