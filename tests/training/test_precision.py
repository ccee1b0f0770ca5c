import math

import pytest
import torch

from aigc_core.training import precision
from aigc_core.training.precision import GAIN, TOLERANCE, choose, pace

CPU = torch.device("cpu")


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    *,
    plain: float,
    half: float,
    reference: tuple[float, ...] = (1.0, 2.0),
    values: tuple[float, ...] = (1.0, 2.0),
) -> str:
    def measured(losses: object, device: object, *, enabled: bool) -> tuple[float, list[float]]:
        return (half, list(values)) if enabled else (plain, list(reference))

    monkeypatch.setattr(precision, "pace", measured)
    return choose(list, CPU)


@pytest.mark.parametrize(
    ("plain", "half", "wanted"),
    [
        (1.7, 1.0, "bf16"),
        (GAIN + 0.01, 1.0, "bf16"),
        (GAIN - 0.01, 1.0, "no"),
        (1.0, 1.0, "no"),
        (1.0, 40.0, "no"),
        (math.inf, math.inf, "no"),
    ],
)
def test_bfloat16_is_taken_when_it_wins_clearly(
    plain: float, half: float, wanted: str, monkeypatch: pytest.MonkeyPatch
):
    assert chosen(monkeypatch, plain=plain, half=half) == wanted


@pytest.mark.parametrize(
    ("reference", "values", "wanted"),
    [
        ((1.0, 2.0), (1.0 + 0.9 * TOLERANCE, 2.0), "bf16"),
        ((1.0, 2.0), (1.0 + 1.1 * TOLERANCE, 2.0), "no"),
        ((1.0, 100.0), (1.0, 100.0 + 90 * TOLERANCE), "bf16"),
        ((0.001,), (0.002,), "bf16"),
        ((1.0,), (math.nan,), "no"),
        ((1.0,), (math.inf,), "no"),
        ((-3.0,), (3.0,), "no"),
    ],
)
def test_bfloat16_is_taken_when_its_losses_agree(
    reference: tuple[float, ...],
    values: tuple[float, ...],
    wanted: str,
    monkeypatch: pytest.MonkeyPatch,
):
    found = chosen(monkeypatch, plain=9.0, half=1.0, reference=reference, values=values)
    assert found == wanted


def test_the_pace_is_the_fastest_step_after_one_that_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
):
    now = 0.0
    costs = iter([50.0, 3.0, 1.0, 2.0, 4.0])

    def clock() -> float:
        return now

    def losses() -> list[float]:
        nonlocal now
        now += next(costs)
        return [now]

    monkeypatch.setattr(precision.time, "perf_counter", clock)
    monkeypatch.setattr(precision, "SECONDS", 9.5)
    assert pace(losses, CPU, enabled=False) == (1.0, [50.0])


def test_both_ways_are_tried_and_autocast_is_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "SECONDS", 0.0)
    seen: list[tuple[bool, torch.dtype]] = []

    def losses() -> list[float]:
        product = torch.ones(2, 2) @ torch.ones(2, 2)
        seen.append((torch.is_autocast_enabled("cpu"), product.dtype))
        return [1.0]

    assert choose(losses, CPU) == "no"
    assert seen == [(False, torch.float32), (True, torch.bfloat16)]
    assert not torch.is_autocast_enabled("cpu")
