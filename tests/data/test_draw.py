import numpy as np

from aigc_core.data.draw import draw, in_proportion


def test_draws_take_everything_once_and_are_the_same():
    assert sorted(draw(100, 100)) == list(range(100))
    assert draw(100, 10).tolist() == draw(100, 100)[:10].tolist()
    assert draw(10, 10).tolist() != list(range(10))


def test_every_stretch_has_the_shares():
    labels = np.repeat([0, 1, 2], [500, 300, 200])
    shares = np.array([0.5, 0.25, 0.25])
    order = in_proportion(labels, shares)
    assert sorted(order) == list(range(1000))
    # 200 of a class wanted at a quarter last for 800.
    for start in range(0, 800, 40):
        counts = np.bincount(labels[order[start : start + 40]], minlength=3)
        assert np.abs(counts - 40 * shares).max() <= 1


def test_a_class_is_in_random_order():
    order = in_proportion(np.zeros(50, int), np.array([1.0]))
    assert order.tolist() != sorted(order)
