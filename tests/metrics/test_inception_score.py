import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.inception import InceptionScore

from aigc_core.metrics.inception_score import inception_score


def logits(n: int = 400, classes: int = 10, sharpness: float = 3.0) -> np.ndarray:
    return np.random.default_rng(0).normal(0, sharpness, (n, classes)).astype(np.float32)


def by_formula(values: np.ndarray) -> float:
    p = np.exp(values.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    return float(np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean()))


def test_one_split_is_the_formula():
    assert inception_score(logits(), 1).mean == pytest.approx(by_formula(logits()), rel=1e-12)


def test_splits_are_consecutive_parts():
    parts = [by_formula(part) for part in np.split(logits(), 4)]
    found = inception_score(logits(), 4)
    assert found.mean == pytest.approx(np.mean(parts))
    assert found.deviation == pytest.approx(np.std(parts))


def test_extremes():
    sure = 1000.0 * np.eye(10)[np.arange(100) % 10]
    assert inception_score(sure, 1).mean == pytest.approx(10)
    assert inception_score(sure[np.zeros(100, int)], 1).mean == pytest.approx(1)
    assert inception_score(np.zeros((100, 10)), 1).mean == pytest.approx(1)


def test_probabilities_that_underflow_give_a_number():
    values = logits(sharpness=1e4)
    assert np.isfinite(inception_score(values).mean)


@pytest.mark.parametrize("splits", [0, 11])
def test_impossible_splits_are_refused(splits: int):
    with pytest.raises(ValueError, match="split"):
        inception_score(logits(n=10), splits)


class Lookup(nn.Module):
    """Gives the logits whose row number is in the pixels."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, x: Tensor) -> Tensor:
        return self.values[x[:, 0, 0, 0].long()]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_score_is_torchmetrics():
    values = logits(n=200, sharpness=2)
    theirs = InceptionScore(feature=Lookup(torch.from_numpy(values)), splits=1)
    rows = torch.arange(200, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 4, 4)
    theirs.update(rows)
    assert inception_score(values, 1).mean == pytest.approx(theirs.compute()[0].item(), rel=1e-5)
