"""How wide the noise is asked for; what comes of it is for the command to print."""

from typing import Any

import pytest

from aigc_core.checkpoint import read_config
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.tasks.image import SampleImages
from benchmarks import spread


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The truncations that are asked for; nothing is drawn."""
    found: list[float] = []

    def sample(model: str, count: int, seed: int, *, truncation: float, engine: Any) -> tuple:
        SampleImages.ask(truncation=truncation)
        found.append(truncation)
        return (None, None)

    monkeypatch.setattr(spread, "sample", sample)
    monkeypatch.setattr(spread, "look", lambda *_: None)
    monkeypatch.setattr(spread, "figures", lambda *_: dict.fromkeys(spread.NAMES, 0.0))
    return found


@pytest.mark.parametrize("model", ["cvae-mnist", "dcgan-mnist"])
def test_what_a_shipped_model_draws_with_is_among_what_is_tried(model: str, asked: list[float]):
    own = read_config(CHECKPOINTS / model)["spread"]
    printed = spread.measured(model, 100, None)
    deviations = [truncation * own for truncation in asked]
    assert deviations == pytest.approx(spread.DEVIATIONS)
    assert {own, 1.0} <= {round(deviation, 6) for deviation in deviations}
    assert printed.count("\n") == len(asked) + 1


def test_the_deviations_that_one_asks_for_are_those_tried(asked: list[float]):
    spread.measured("cvae-mnist", 100, [0.3, 1.2])
    assert asked == pytest.approx([0.5, 2.0])


def test_usual_deviations_that_no_request_reaches_are_left_out():
    assert spread.reachable(1.0) == list(spread.DEVIATIONS)
    assert spread.reachable(0.5) == [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
