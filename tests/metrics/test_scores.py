from dataclasses import replace

import numpy as np
import pytest

from aigc_core.data.mnist import Digits
from aigc_core.metrics.evaluate import Judged, drawn, features, floor, ladder, look
from aigc_core.metrics.frechet import frechet_distance, moments
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.judge import Judgement
from aigc_core.metrics.perturbations import LADDER
from aigc_core.metrics.reference import Reference, read
from aigc_core.metrics.scores import class_shares, scores, total_variation


@pytest.fixture(scope="module")
def reference() -> Reference:
    return read()


def test_class_shares_count_the_most_probable():
    assert class_shares(np.eye(4)[[0, 0, 1, 3]]).tolist() == [0.5, 0.25, 0, 0.25]


def test_total_variation_is_the_misplaced_share():
    assert total_variation(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == pytest.approx(0.5)
    assert total_variation(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1)


def head(judged: Judged, count: int) -> Judged:
    features, logits = judged.judgement
    return Judged(
        judged.images[:count],
        judged.labels[:count],
        Judgement(features[:count], logits[:count]),
    )


def test_training_features_score_perfectly_against_themselves(reference: Reference):
    reference = replace(reference, features=reference.features[:2000])
    own = reference.features.astype(np.float32)
    labels = np.random.default_rng(0).integers(0, 10, 2000)
    found = scores(Judgement(own, 50 * np.eye(10)[labels]), labels, reference)
    assert set(found) <= set(METRICS)
    assert found["label_accuracy"].value == 1
    assert found["precision"].value == 1
    assert found["inception_score"].value > 9.5
    assert found["fid"].value < 0.6


def test_labels_that_nobody_asked_for_have_no_accuracy(reference: Reference):
    reference = replace(reference, features=reference.features[:200])
    own, logits = reference.features.astype(np.float32), 50 * np.eye(10)[np.arange(200) % 10]
    asked = scores(Judgement(own, logits), np.arange(200) % 10, reference)
    free = scores(Judgement(own, logits), np.full(200, -1), reference)
    assert set(asked) - set(free) == {"label_accuracy"}
    assert {name: asked[name] for name in free} == free


def test_real_digits_are_near_training_digits(judged: Judged, reference: Reference):
    """FID(5,000) of real digits: 0.18, where a one-pixel shift has 0.73."""
    assert frechet_distance(moments(features(judged)[:5000]), reference.moments) < 0.3
    floors = [floor(judged, count, reference) for count in (500, 2000, 10_000)]
    assert [rung.args["draws"] for rung in floors] == [19, 4, 1]
    assert floors[0].value > floors[1].value > floors[2].value
    assert "deviation" in floors[0].args
    assert "deviation" not in floors[2].args


def test_real_digits_score_well(judged: Judged, reference: Reference):
    few = head(judged, 1000)
    reference = replace(reference, features=reference.features[:2000])
    found = scores(few.judgement, few.labels, reference)
    values = {name: score.value for name, score in found.items()}
    assert values["label_accuracy"] > 0.99
    assert values["inception_score"] > 9.3
    assert values["class_distance"] < 0.01
    assert min(values["precision"], values["recall"]) > 0.7
    assert 0.7 < values["density"] < 1.3


def test_the_ladder_keeps_its_order(judged: Judged, reference: Reference):
    rungs = ladder(head(judged, 500), reference)
    assert [rung.step for rung in rungs] == [step.id for step in LADDER]
    values = {rung.step: rung.value for rung in rungs}
    assert values["untouched"] == min(values.values())
    assert max(values["shift"], values["threshold"]) < values["noise"]
    assert values["noise"] < min(values["blur"], values["missing"], values["repeat"])
    assert max(values["blur"], values["missing"], values["repeat"]) < values["uniform"]


def test_fewer_digits_are_the_head_of_more(
    test_digits: Digits, judged: Judged, reference: Reference
):
    few = look(*drawn(test_digits, 50, reference.prior))
    np.testing.assert_array_equal(few.images, judged.images[:50])
    np.testing.assert_array_equal(few.labels, judged.labels[:50])
    np.testing.assert_allclose(features(few), features(judged)[:50], rtol=1e-3, atol=1e-3)
