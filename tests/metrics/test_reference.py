from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from aigc_core.errors import CorruptFile, ModelUnavailable
from aigc_core.metrics import reference as references
from aigc_core.metrics.frechet import frechet_distance, moments
from aigc_core.metrics.judge import Judgement, NotTheJudge
from aigc_core.metrics.reference import PATH, Reference, derive, read, write


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Reference:
    monkeypatch.setattr(references, "KEPT", 30)
    rng = np.random.default_rng(0)
    features = rng.random((120, 8)).astype(np.float32)
    logits = rng.random((120, 10)).astype(np.float32)
    return derive(Judgement(features, logits), np.arange(120) % 4)


def test_what_is_written_is_read(small: Reference, tmp_path: Path):
    found = read(write(small, tmp_path / "reference.safetensors"))
    np.testing.assert_array_equal(found.moments.mean, small.moments.mean)
    np.testing.assert_array_equal(found.moments.covariance, small.moments.covariance)
    np.testing.assert_array_equal(found.features, small.features)
    assert found.moments.count == 120
    assert found.features.shape == (30, 8)
    assert found.prior.tolist() == [0.25] * 4 + [0] * 6


def test_a_missing_reference_is_named_with_its_command(tmp_path: Path):
    with pytest.raises(ModelUnavailable, match=r"aigc_core\.metrics reference"):
        read(tmp_path / "reference.safetensors")


def test_a_damaged_reference_is_refused(small: Reference, tmp_path: Path):
    path = write(small, tmp_path / "reference.safetensors")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CorruptFile):
        read(path)


def test_the_reference_of_another_judge_is_refused(small: Reference, tmp_path: Path):
    path = write(small, tmp_path / "reference.safetensors")
    save_file(load_file(path), path, metadata={"judge": "sha256:other"})
    with pytest.raises(NotTheJudge, match="sha256:other"):
        read(path)


def test_the_shipped_reference_is_that_of_the_training_digits():
    found = read()
    assert PATH.stat().st_size < 3_000_000
    assert found.moments.count == 60_000
    assert found.features.shape == (10_000, 128)
    # The published class counts of MNIST's training labels.
    assert found.classes.tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    # The unit of the judge's features.
    assert np.diag(found.moments.covariance).mean() == pytest.approx(1, rel=1e-3)
    # The kept ones are a fair part of all: 10,000 at random are this near.
    assert frechet_distance(moments(found.features), found.moments) < 0.1
