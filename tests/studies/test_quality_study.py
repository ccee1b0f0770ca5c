from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aigc_core.catalog import Catalog
from aigc_core.data import mnist
from aigc_core.engine import CatalogModel, Engine
from aigc_core.errors import DatasetMissing, InvalidRequest, UnknownModel
from aigc_core.events import Progress
from aigc_core.loader import Loader
from aigc_core.metrics import reference as references
from aigc_core.metrics import unseen as unseens
from aigc_core.metrics.evaluate import look, score_figures
from aigc_core.metrics.perturbations import LADDER, MISSING, UNTOUCHED
from aigc_core.metrics.reference import Reference
from aigc_core.samples import sample
from aigc_core.studies import floors, quality
from aigc_core.studies.floors import Floor
from aigc_core.studies.quality import CLEAR, SHOWN, Kept, Measured, measure
from aigc_core.tasks import TASKS, SampleImages
from aigc_core.tasks.study import COUNTS, MeasureQuality
from tests.studies.untrained import untrained

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

MODEL, FREE = "dcgan-mnist", "no-classes"
STRANGE = [10**9, -1, 0, 201, "abc", "500", None, [500], {"a": 1}, float("nan"), 2.5, True]


@pytest.fixture(scope="module")
def reference() -> Reference:
    """The shipped one with fewer features, so that tests take seconds."""
    whole = references.read()
    return replace(whole, features=whole.features[:1000])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, reference: Reference) -> Iterator[Engine]:
    """Our model, one without classes, and real digits, with 800 of them for a floor."""
    ours = Catalog.default()
    free = untrained(tmp_path_factory.mktemp("models"), FREE)
    catalog = Catalog([ours.find(MODEL), free, ours.find("mnist-test")])
    made = Engine(catalog, Loader(lambda m: CatalogModel(catalog.find(m)), batching=False))
    whole = unseens.read()
    few = whole.ordered(reference.prior)[:1000]
    with pytest.MonkeyPatch.context() as patch:
        for module in (floors, quality):
            patch.setattr(module, "reference", lambda: reference)
            patch.setattr(module, "unseen", lambda: few)
        patch.setattr(floors, "DRAWS", {})
        patch.setattr(quality, "SAMPLES", Kept())
        yield made
    made.loader.close()


def run(engine: Engine, model: str = MODEL, **values: Any) -> Measured:
    request = MeasureQuality.ask(**{"count": 200, **values})
    *before, end = measure(request, model=model, engine=engine)
    assert all(isinstance(event, Progress) for event in before)
    assert isinstance(end, Measured)
    return end


def in_use(engine: Engine) -> int:
    return sum(state.refs + state.waiting for state in engine.loader.state())


class TestFigures:
    def test_they_are_those_of_the_command(self, engine: Engine, reference: Reference):
        found = run(engine, seed=5)
        made = look(*sample(MODEL, 200, 5, engine=engine))
        wanted = {f.name: f.value for f in score_figures(made, made, reference, {})}
        assert set(found.after) == set(wanted)
        for name, value in wanted.items():
            assert found.after[name] == pytest.approx(value, rel=1e-4), name
        assert found.before == found.after
        assert (found.model, found.count) == (MODEL, 200)

    @pytest.mark.parametrize("damage", ["blur", "missing"])
    def test_damage_is_that_of_the_ladder(self, damage: str, engine: Engine, reference: Reference):
        found = run(engine, seed=5, damage=damage)
        step = next(step for step in LADDER if step.id == damage)
        images, labels = step.apply(*sample(MODEL, 200, 5, engine=engine))
        wanted = {
            f.name: f.value for f in score_figures(*[look(images, labels)] * 2, reference, {})
        }
        for name, value in wanted.items():
            assert found.after[name] == pytest.approx(value, rel=1e-4), name
        assert found.before == run(engine, seed=5).after
        assert found.count == len(labels)
        shown = (images[:SHOWN] * 255).round()
        assert np.abs(found.pictures - shown).max() <= 1

    def test_a_model_without_classes_has_no_label_accuracy(self, engine: Engine):
        found = run(engine, FREE)
        assert "label_accuracy" not in found.after
        assert "fid" in found.after
        assert "label_accuracy" in found.floors

    def test_without_classes_the_judge_says_what_is_dropped(self, engine: Engine):
        images, _ = sample(FREE, 200, 0, engine=engine)
        read = look(images, np.zeros(200)).judgement.logits.argmax(axis=1)
        found = run(engine, FREE, damage="missing")
        assert found.count == int((read != MISSING).sum())

    @pytest.mark.skipif(not mnist.is_here("test"), reason="MNIST is not on this machine")
    def test_real_digits_are_measured_like_a_model(self, engine: Engine):
        found = run(engine, "mnist-test")
        assert found.after["label_accuracy"] > 0.97
        assert found.after["fid"] == pytest.approx(found.floors["fid"].value, rel=0.4)

    def test_real_digits_have_a_floor_without_the_dataset(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        monkeypatch.setenv("AIGC_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path))
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        found = run(engine)
        assert {floor.draws for floor in found.floors.values()} == {4}
        assert found.floors["fid"].deviation > 0
        with pytest.raises(DatasetMissing, match="AIGC_DATA_DIR"):
            run(engine, nearest=True)

    @pytest.mark.skipif(not mnist.is_here("train"), reason="MNIST is not on this machine")
    def test_nearness_to_training_digits(self, engine: Engine, monkeypatch: pytest.MonkeyPatch):
        digits = mnist.load_mnist("train", download=False)
        few = mnist.Digits(digits.images[:300], digits.labels[:300])
        monkeypatch.setattr(mnist, "load_mnist", lambda split: few)
        found = run(engine, nearest=True, damage="blur")
        for values in (found.before, found.after):
            assert {"pixel_distance", "pixel_closer"} <= set(values)
        images, _ = sample(MODEL, 200, 0, engine=engine)
        apart = images[:20, None] - few.images[None].astype(np.float32) / 255
        nearest = np.sqrt((apart**2).sum(axis=(2, 3))).min(axis=1)
        assert found.before["pixel_distance"] == pytest.approx(np.median(nearest), rel=0.2)


class TestGoingOn:
    def test_progress_is_told_of_drawing_and_judging(self, engine: Engine):
        request = MeasureQuality.ask(count=200, seed=12345)
        told = list(measure(request, model=MODEL, engine=engine))[:-1]
        notes = {event.note.en for event in told if isinstance(event, Progress)}
        assert {"drawing", quality.JUDGING.en, quality.SCORING.en} <= notes
        drawing = [e for e in told if isinstance(e, Progress) and e.note.en == "drawing"]
        assert (drawing[-1].step, drawing[-1].total) == (200, 200)

    def test_closing_ends_it_within_a_step_wherever_it_is(self, engine: Engine):
        request = MeasureQuality.ask(count=200, seed=777)
        for stop in (1, 2, 5, 12, 20):
            study = measure(request, model=MODEL, engine=engine)
            for _ in range(stop):
                if isinstance(next(study), Measured):
                    break
            study.close()
            assert in_use(engine) == 0

    def test_a_sample_is_drawn_once(self, engine: Engine, monkeypatch: pytest.MonkeyPatch):
        first = run(engine, seed=31)
        monkeypatch.setattr(engine, "run", None)
        again = run(engine, seed=31, damage="shift")
        assert again.before == first.after
        with pytest.raises(TypeError):
            run(engine, seed=32)

    def test_a_few_samples_are_kept(self, engine: Engine):
        kept, entry = Kept(limit=2), engine.catalog.find(MODEL)
        samples = [quality.Sample(np.zeros((3, 28, 28), np.uint8), np.zeros(3)) for _ in range(3)]
        for seed, each in enumerate(samples[:2]):
            kept.put(entry, seed, each)
        assert kept.get(entry, 3, 0) is samples[0]
        kept.put(entry, 2, samples[2])
        assert kept.get(entry, 3, 1) is None
        assert kept.get(entry, 3, 0) is samples[0]

    def test_without_a_model_the_first_is_measured(self, engine: Engine):
        *_, end = measure(MeasureQuality.ask(count=200, seed=5), engine=engine)
        assert isinstance(end, Measured)
        assert end.model == engine.models(SampleImages)[0].id

    @pytest.mark.parametrize("model", ["nobody", "", 3, [1]])
    def test_an_unknown_model_is_named(self, model: Any, engine: Engine):
        with pytest.raises(UnknownModel):
            next(measure(MeasureQuality.ask(), model=model, engine=engine))


def made(damage: str, before: float, after: float, name: str = "fid") -> Measured:
    floor = {name: Floor(1.0, 0.1, 5)}
    request = MeasureQuality.ask(damage=damage)
    return Measured(
        "m", request, 500, {name: before}, {name: after}, floor, np.zeros((0, 28, 28)), 0.0
    )


class TestVerdicts:
    def test_without_damage_there_is_none(self):
        assert made("none", 1, 1).verdict("fid") is None

    def test_what_got_clearly_worse_was_noticed(self):
        step = CLEAR * 0.1
        assert made("blur", 1, 1 + 1.01 * step).verdict("fid") == "noticed"
        assert made("blur", 1, 1 + 0.99 * step).verdict("fid") == "missed"
        assert made("blur", 1, 1 - 1.01 * step).verdict("fid") == "misled"

    def test_higher_may_be_better(self):
        assert made("blur", 0.5, 1, "recall").verdict("recall") == "misled"
        assert made("blur", 1, 0.5, "recall").verdict("recall") == "noticed"

    def test_or_neither(self):
        assert made("blur", 20, 90, "rate").verdict("rate") is None

    def test_or_as_real_digits_have_it(self):
        assert made("blur", 1.1, 2, "density").verdict("density") == "noticed"
        assert made("blur", 3, 1.1, "density").verdict("density") == "misled"


class TestFloors:
    def test_where_draws_are_few_the_spread_is_that_of_smaller_ones(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ):
        table = {
            5000: [{"fid": 1.0}],
            2000: [{"fid": 2.0}] * 3,
            1000: [{"fid": 1.0}, {"fid": 3.0}] * 2,
        }
        monkeypatch.setattr(floors, "DRAWS", table)
        study = floors.floors(5000)
        with pytest.raises(StopIteration) as end:
            next(study)
        assert end.value.value["fid"] == Floor(1.0, pytest.approx(np.std([1, 3, 1, 3], ddof=1)), 1)


class TestRequest:
    def test_choices_are_the_ladder(self):
        damages = {choice.value for choice in MeasureQuality.shown("damage").choices}
        ids = {step.id for step in LADDER} - {UNTOUCHED.id, "uniform"}
        assert damages == ids | {"none"}

    def test_studies_are_no_runs(self):
        assert MeasureQuality not in TASKS.values()

    @pytest.mark.parametrize("value", STRANGE)
    def test_other_sizes_are_refused(self, value: Any):
        with pytest.raises(InvalidRequest, match=r"Sample size must be one of 200, 500") as caught:
            MeasureQuality.ask(count=value)
        assert "“样本量”必须是以下之一" in caught.value.text.zh

    @pytest.mark.parametrize("value", ["", "uniform", 3, None, [1], "x" * 10**6, "<b>"])
    def test_other_damage_is_refused(self, value: Any):
        with pytest.raises(InvalidRequest, match=r"Damage must be one of none, shift") as caught:
            MeasureQuality.ask(damage=value)
        assert len(caught.value.text.en) < 300

    def test_sizes_are_chips(self):
        assert tuple(choice.value for choice in MeasureQuality.shown("count").choices) == COUNTS
