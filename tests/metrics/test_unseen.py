from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data.mnist import Digits
from aigc_core.errors import CorruptFile, ModelUnavailable
from aigc_core.metrics import reference as references
from aigc_core.metrics.card import read_card
from aigc_core.metrics.frechet import frechet_distance, moments
from aigc_core.metrics.judge import Judgement, NotTheJudge, judge
from aigc_core.metrics.unseen import PATH, Unseen, read, write


@pytest.fixture
def small() -> Unseen:
    rng = np.random.default_rng(0)
    features = rng.random((60, 8)).astype(np.float16).astype(np.float32)
    logits = rng.random((60, 4)).astype(np.float16).astype(np.float32)
    distances = rng.random(60).astype(np.float32).astype(np.float64)
    return Unseen(Judgement(features, logits), np.arange(60) % 4, distances)


@pytest.fixture(scope="module")
def shipped() -> Unseen:
    return read()


def test_what_is_written_is_read(small: Unseen, tmp_path: Path):
    found = read(write(small, tmp_path / "test.safetensors"))
    for own, other in zip(found.judgement, small.judgement, strict=True):
        np.testing.assert_array_equal(own, other)
    np.testing.assert_array_equal(found.labels, small.labels)
    np.testing.assert_array_equal(found.pixel_distance, small.pixel_distance)


def test_draws_share_no_digit_and_keep_the_shares(small: Unseen):
    draws = small.draws(20, np.full(4, 0.25))
    assert [len(draw) for draw in draws] == [20, 20, 20]
    together = np.concatenate([draw.pixel_distance for draw in draws])
    assert sorted(together) == sorted(small.pixel_distance)
    for draw in draws:
        assert np.bincount(draw.labels).tolist() == [5, 5, 5, 5]


def test_there_is_always_a_draw(small: Unseen):
    (draw,) = small.draws(500, np.full(4, 0.25))
    assert len(draw) == 60


def test_a_file_that_is_missing_damaged_or_anothers_is_refused(small: Unseen, tmp_path: Path):
    path = tmp_path / "test.safetensors"
    with pytest.raises(ModelUnavailable, match=r"aigc_core\.metrics reference"):
        read(path)
    write(small, path)
    save_file(load_file(path), path, metadata={"judge": "sha256:other"})
    with pytest.raises(NotTheJudge):
        read(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CorruptFile):
        read(path)


def test_the_shipped_ones_are_the_test_digits(shipped: Unseen):
    assert PATH.stat().st_size < 3_000_000
    assert len(shipped) == 10_000
    # The published class counts of MNIST's test labels.
    assert np.bincount(shipped.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    hits = shipped.judgement.logits.argmax(axis=1) == shipped.labels
    accuracy = read_card(CHECKPOINTS / "mnist-classifier").figure("accuracy")
    assert accuracy is not None
    assert hits.mean() == pytest.approx(accuracy.value, abs=2e-4)
    assert 2 < np.median(shipped.pixel_distance) < 8


def test_they_give_the_floors_of_the_judges_card(shipped: Unseen):
    reference = references.read()
    rungs = read_card(CHECKPOINTS / "mnist-classifier").ladder
    floors = {r.args["n"]: r for r in rungs if r.step == "untouched"}
    for count in (500, 2000, 5000):
        draws = shipped.draws(count, reference.prior)
        assert len(draws) == floors[count].args["draws"]
        values = [
            frechet_distance(moments(draw.judgement.features), reference.moments) for draw in draws
        ]
        assert np.mean(values) == pytest.approx(floors[count].value, rel=1e-3)


def test_they_are_what_the_judge_says_now(shipped: Unseen, test_digits: Digits):
    seen = judge(test_digits.images[:50].astype(np.float32) / 255)
    np.testing.assert_allclose(shipped.judgement.features[:50], seen.features, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(shipped.judgement.logits[:50], seen.logits, rtol=2e-3, atol=2e-2)
