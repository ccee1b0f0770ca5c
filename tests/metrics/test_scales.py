import pytest

from aigc_core.metrics.scales import Scale, short


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("values", [[3.0], [1.0, 400.0], [0.02, 0.03], [5e6, 5.1e6], [1, 1, 1]])
def test_all_values_lie_on_their_axis_with_two_ticks(values: list[float], logarithmic: bool):
    scale = Scale.over(values, logarithmic=logarithmic)
    assert all(0 < scale.place(value) < 1 for value in values)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 6
    assert ticks == sorted(set(ticks))
    assert all(0 <= scale.place(tick) <= 1 for tick in ticks)


def test_negative_values_have_a_linear_axis():
    scale = Scale.over([-6.0, 2.0])
    assert scale.place(scale.low) == 0
    assert scale.place(scale.high) == 1
    assert -5 in scale.ticks()
    assert 0 in scale.ticks()


def test_equal_ratios_lie_equally_far_apart():
    scale = Scale(1, 100, logarithmic=True)
    assert scale.place(10) == pytest.approx(0.5)
    assert scale.ticks() == [1, 10, 100]
    assert Scale(20, 90, logarithmic=True).ticks() == [20, 50]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.1 + 0.2, "0.3"), (20, "20"), (3e5, "300k"), (2e6, "2M"), (-1500, "−1.5k")],
)
def test_ticks_are_short(value: float, said: str):
    assert short(value) == said
