import shutil
from pathlib import Path

import numpy as np
import pytest

from aigc_core.checkpoint import WEIGHTS
from aigc_core.errors import ModelUnavailable
from aigc_core.metrics.card import read_card
from aigc_core.metrics.evaluate import Judged
from aigc_core.metrics.judge import FOLDER, FROZEN, NotTheJudge, judge, load_judge


def noise(n: int) -> np.ndarray:
    return np.random.default_rng(0).random((n, 28, 28), np.float32)


def test_batches_do_not_change_the_judgement():
    features, logits = judge(noise(7))
    assert features.shape == (7, 128)
    assert logits.shape == (7, 10)
    assert features.dtype == logits.dtype == np.float32
    assert features.min() >= 0
    again = judge(noise(7), batch=3)
    np.testing.assert_allclose(again.features, features, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(again.logits, logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 28, 28), np.uint8),
        np.full((2, 28, 28), 255, np.float32),
        np.full((2, 28, 28), np.nan, np.float32),
        np.zeros((2, 1, 28, 28), np.float32),
        np.zeros((2, 32, 32), np.float32),
        np.zeros((0, 28, 28), np.float32),
    ],
)
def test_pictures_in_another_form_are_refused(images: np.ndarray):
    with pytest.raises(ValueError, match="needed"):
        judge(images)


def test_other_weights_are_refused(tmp_path: Path):
    folder = tmp_path / FOLDER.name
    shutil.copytree(FOLDER, folder)
    weights = bytearray((folder / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (folder / WEIGHTS).write_bytes(weights)
    with pytest.raises(NotTheJudge, match=FROZEN):
        load_judge(folder)


def test_missing_weights_are_named(tmp_path: Path):
    shutil.copy(FOLDER / "config.json", tmp_path)
    with pytest.raises(ModelUnavailable, match=WEIGHTS):
        load_judge(tmp_path)


def test_it_reads_the_test_digits_as_its_card_says(judged: Judged):
    accuracy = float((judged.judgement.logits.argmax(axis=1) == judged.labels).mean())
    assert accuracy >= 0.994
    figure = read_card(FOLDER).figure("accuracy")
    assert figure is not None
    assert figure.value == pytest.approx(accuracy)
    assert figure.args == {"n": 10_000, "weights": FROZEN}
