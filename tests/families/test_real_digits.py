from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aigc_core.artifact import Artifact
from aigc_core.catalog import Catalog, Entry
from aigc_core.data import mnist
from aigc_core.engine import CatalogModel, Engine
from aigc_core.errors import DatasetMissing, InvalidRequest, ModelUnavailable
from aigc_core.loader import Loader
from aigc_core.media import pixels
from aigc_core.metrics.evaluate import drawn
from aigc_core.samples import sample
from aigc_core.tasks import SampleImages, TraceImage

MODEL = "mnist-test"
SHARES = np.array(mnist.TRAINING_COUNTS) / sum(mnist.TRAINING_COUNTS)
here = pytest.mark.skipif(not mnist.is_here("test"), reason="MNIST is not on this machine")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine.default()
    yield made
    made.loader.close()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the dataset."""
    monkeypatch.setenv("AIGC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def ask(engine: Engine, **values: Any) -> tuple[Artifact, ...]:
    return engine.result(SampleImages.ask(**values), model=MODEL).artifacts


def rows(artifacts: tuple[Artifact, ...]) -> list[int]:
    return [artifact.record.details["row"] for artifact in artifacts]


def test_training_counts_are_those_of_the_training_digits():
    assert sum(mnist.TRAINING_COUNTS) == 60_000
    if mnist.is_here("train"):
        labels = mnist.load_mnist("train", download=False).labels
        assert tuple(np.bincount(labels)) == mnist.TRAINING_COUNTS


@here
class TestPictures:
    @pytest.mark.parametrize("label", ["each", "any", "7"])
    def test_they_are_those_of_the_test_split(self, label: str, engine: Engine):
        digits = mnist.load_mnist("test", download=False)
        for place, artifact in enumerate(ask(engine, label=label, count=25, seed=40)):
            record = artifact.record
            row = record.details["row"]
            assert np.array_equal(pixels(artifact.media), digits.images[row])
            assert record.details["label"] == str(digits.labels[row])
            assert (record.details["index"], record.seed) == (place, 40 + place)
            if label != "any":
                assert digits.labels[row] == (place % 10 if label == "each" else 7)

    @pytest.mark.parametrize("label", ["any", "4"])
    def test_picture_i_is_the_first_of_seed_plus_i(self, label: str, engine: Engine):
        many = rows(ask(engine, label=label, count=30, seed=100))
        for place in (0, 1, 17, 29):
            assert rows(ask(engine, label=label, count=1, seed=100 + place)) == [many[place]]

    def test_none_comes_twice_before_all_were_there(self, engine: Engine):
        found: list[int] = []
        for seed in range(77, 77 + 10_000, 100):
            found += rows(ask(engine, label="any", count=100, seed=seed))
        assert sorted(found) == list(range(10_000))
        assert rows(ask(engine, label="any", count=1, seed=77 + 10_000)) == found[:1]

    def test_any_is_what_models_are_measured_beside(self, engine: Engine):
        images, labels = sample(MODEL, 230, 0, engine=engine)
        wanted, classes = drawn(mnist.load_mnist("test", download=False), 230, SHARES)
        assert np.array_equal(images, wanted)
        assert np.array_equal(labels, classes)

    def test_any_keeps_the_training_proportions(self, engine: Engine):
        _, labels = sample(MODEL, 1000, 3000, engine=engine)
        shares = np.bincount(labels, minlength=10) / 1000
        assert np.abs(shares - SHARES).sum() / 2 < 0.01

    def test_the_same_request_gives_the_same_pictures(self, engine: Engine):
        first, second = (ask(engine, label="each", count=20, seed=5) for _ in range(2))
        assert [a.digest() for a in first] == [a.digest() for a in second]
        assert {a.record.tolerance for a in first} == {0.0}

    def test_the_record_names_the_files(self, engine: Engine):
        (artifact,) = ask(engine, count=1)
        record = artifact.record
        assert record.revision == mnist.revision("test") == engine.catalog.find(MODEL).revision
        assert (record.model, record.device) == (MODEL, "cpu")


class TestEntry:
    @pytest.fixture
    def entry(self) -> Entry:
        return Catalog.default().find(MODEL)

    def test_it_has_no_weights(self, entry: Entry):
        assert entry.is_data
        assert (entry.parameters, entry.numbers, entry.file_bytes) == (0, 0, 0)
        assert CatalogModel(entry).parts() == ()
        assert entry.conditional

    def test_it_is_no_model(self, entry: Entry, engine: Engine):
        ids = [model.id for model in engine.models(SampleImages)]
        assert MODEL not in ids
        assert ids
        assert engine.catalog.data(SampleImages) == [engine.catalog.find(MODEL)]
        assert engine.catalog.data(TraceImage) == []

    def test_it_answers_nothing_else(self, engine: Engine):
        with pytest.raises(InvalidRequest, match="cannot do this"):
            engine.result(TraceImage.ask(), model=MODEL)

    def test_another_revision_is_refused(self, entry: Entry):
        catalog = Catalog([Entry(**{**entry.model_dump(), "revision": "sha256:0"})])
        loader = Loader(lambda model: CatalogModel(catalog.find(model)))
        with pytest.raises(ModelUnavailable, match="other files"):
            Engine(catalog, loader).result(SampleImages.ask(), model=MODEL)

    def test_data_need_a_family_that_can_be_checked(self, entry: Entry):
        family = "aigc_core.families.image_sampler"
        other = Entry(**{**entry.model_dump(), "family": family})
        problem = other.problem()
        assert problem is not None
        assert family in problem.en
        assert not other.answers(SampleImages)


@pytest.mark.usefixtures("nowhere")
class TestWithoutTheDataset:
    def test_offline_the_problem_is_known_beforehand(self, monkeypatch: pytest.MonkeyPatch):
        engine = Engine.default()
        assert engine.problem(engine.catalog.find(MODEL)) is None
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        problem = engine.problem(engine.catalog.find(MODEL))
        assert problem is not None
        assert all("AIGC_DATA_DIR" in text for text in problem)
        with pytest.raises(ModelUnavailable, match="AIGC_DATA_DIR"):
            engine.result(SampleImages.ask(), model=MODEL)

    def test_what_cannot_be_fetched_is_told_in_a_sentence(self, monkeypatch: pytest.MonkeyPatch):
        # Nobody listens on port 9 of this machine.
        unreachable = tuple(
            replace(file, homes=("http://127.0.0.1:9/",)) for file in mnist.FILES["test"]
        )
        monkeypatch.setitem(mnist.FILES, "test", unreachable)
        engine = Engine.default()
        for _ in range(2):
            with pytest.raises(DatasetMissing, match="Check the network") as caught:
                engine.result(SampleImages.ask(), model=MODEL)
            assert "请检查网络" in caught.value.text.zh
