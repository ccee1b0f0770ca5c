import numpy as np
import pytest

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


def test_training_features_score_perfectly_against_themselves(reference: Reference):
    own = reference.features[:2000].astype(np.float32)
    labels = np.random.default_rng(0).integers(0, 10, 2000)
    found = scores(Judgement(own, 50 * np.eye(10)[labels]), labels, reference)
    assert set(found) <= set(METRICS)
    assert found["label_accuracy"].value == 1
    assert found["precision"].value == 1
    assert found["inception_score"].value > 9.5
    assert found["fid"].value < 8


def test_real_digits_are_near_training_digits(judged: Judged, reference: Reference):
    """FID(5,000) of real digits: 2.4, where a one-pixel shift has 10."""
    assert frechet_distance(moments(features(judged)[:5000]), reference.moments) < 4
    floors = [floor(judged, count, reference) for count in (500, 2000, 10_000)]
    assert [rung.args["draws"] for rung in floors] == [20, 5, 1]
    assert floors[0].value > floors[1].value > floors[2].value
    assert "deviation" in floors[0].args
    assert "deviation" not in floors[2].args


def test_real_digits_score_well(judged: Judged, reference: Reference):
    head = Judgement(*(values[:1000] for values in judged.judgement))
    found = {name: score.value for name, score in scores(head, judged.labels, reference).items()}
    assert found["inception_score"] > 9.5
    assert found["class_distance"] < 0.1
    assert min(found["precision"], found["recall"]) > 0.7
    assert 0.7 < found["density"] < 1.3


def test_the_ladder_keeps_its_order(judged: Judged, reference: Reference):
    few = Judged(
        judged.images[:1000],
        judged.labels[:1000],
        Judgement(*(values[:1000] for values in judged.judgement)),
    )
    rungs = ladder(few, reference)
    assert [rung.perturbation for rung in rungs] == [step.id for step in LADDER]
    values = {rung.perturbation: rung.value for rung in rungs}
    assert values["untouched"] == min(values.values())
    assert max(values["shift"], values["threshold"]) < values["noise"]
    assert values["noise"] < min(values["blur"], values["missing"], values["repeat"])
    assert max(values["blur"], values["missing"], values["repeat"]) < values["uniform"]


def test_looking_draws_from_the_whole_dataset(test_digits, judged: Judged):
    images, labels = drawn(test_digits, 50)
    np.testing.assert_array_equal(images, judged.images[:50])
    np.testing.assert_array_equal(labels, judged.labels[:50])
    assert look(images, labels).judgement.logits.argmax(axis=1).tolist() == pytest.approx(
        judged.judgement.logits[:50].argmax(axis=1)
    )
