import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aigc_core.catalog import Catalog
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data import mnist
from aigc_core.engine import CatalogModel, Engine
from aigc_core.errors import InvalidRequest, UnknownModel
from aigc_core.events import Progress, Result
from aigc_core.loader import Loader
from aigc_core.media import pixels
from aigc_core.studies.in_turn import Failed, Step
from aigc_core.studies.side_by_side import candidates, side_by_side
from aigc_core.tasks import SampleImages
from aigc_core.tasks.study import CompareModels
from tests.studies.untrained import entry_of, untrained

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

MODEL = "dcgan-mnist"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Our model, one that knows no classes, one without files, and the real digits."""
    ours = Catalog.default()
    entries = [
        ours.find(MODEL),
        untrained(tmp_path, "no-classes"),
        entry_of(tmp_path, "no-files"),
        ours.find("mnist-test"),
    ]
    catalog = Catalog(entries)
    made = Engine(catalog, Loader(lambda model: CatalogModel(catalog.find(model)), batching=False))
    yield made
    made.loader.close()


def asked(engine: Engine, **values: object) -> list[Step]:
    return list(side_by_side(CompareModels.ask(**values), engine))


def last(steps: list[Step]) -> dict[str, Step]:
    return {step.model: step for step in steps}


def in_use(engine: Engine) -> int:
    return sum(state.refs + state.waiting for state in engine.loader.state())


def test_each_model_answers_in_its_turn_and_the_real_digits_last(engine: Engine):
    steps = asked(engine, label="each", count=20, seed=7)
    order = list(dict.fromkeys(step.model for step in steps))
    assert order == [MODEL, "no-classes", "no-files", "mnist-test"]
    assert order == [entry.id for entry in candidates(engine)]
    for model in order:
        *before, end = [step.event for step in steps if step.model == model]
        assert isinstance(end, Result | Failed)
        assert not any(isinstance(event, Result | Failed) for event in before)
    assert in_use(engine) == 0


def test_an_answer_is_the_one_that_the_model_gives_alone(engine: Engine):
    end = last(asked(engine, label="7", count=5, seed=3, models=[MODEL]))[MODEL].event
    alone = engine.result(SampleImages.ask(label="7", count=5, seed=3), model=MODEL)
    assert isinstance(end, Result)
    assert [a.digest() for a in end.artifacts] == [a.digest() for a in alone.artifacts]


def test_a_model_that_fails_says_so_and_the_others_go_on(engine: Engine):
    ends = last(asked(engine, count=3))
    broken = ends["no-files"].event
    assert isinstance(broken, Failed)
    assert "config.json" in broken.why.en
    assert "config.json" in broken.why.zh
    if mnist.is_here("test"):
        assert isinstance(ends["mnist-test"].event, Result)


def test_a_bug_in_one_model_stays_with_it(engine: Engine, caplog: pytest.LogCaptureFixture):
    run, calls = engine.run, []

    def fail(request: SampleImages, *, model: str | None = None) -> Iterator[object]:
        calls.append(model)
        if model == "no-classes":
            raise RuntimeError("a secret of the server")
        return run(request, model=model)

    engine.run = fail  # type: ignore[assignment, method-assign]
    ends = last(asked(engine, count=3, models=["no-classes", MODEL]))
    assert calls == [MODEL, "no-classes"]
    failed = ends["no-classes"].event
    assert isinstance(failed, Failed)
    assert "RuntimeError" in failed.why.en
    assert "secret" not in failed.why.en
    assert isinstance(ends[MODEL].event, Result)
    assert "a secret of the server" in caplog.text


def test_a_model_without_classes_draws_any_digits(engine: Engine):
    ends = last(asked(engine, label="4", count=6, seed=11))
    free, ours = ends["no-classes"], ends[MODEL]
    assert (free.request.label, ours.request.label) == ("any", "4")
    assert (free.request.count, free.request.seed) == (6, 11)
    assert isinstance(free.event, Result)
    assert free.event.artifacts[0].record.request["label"] == "any"
    assert last(asked(engine, label="each", count=6))["no-classes"].request.label == "each"


def test_the_models_named_are_asked_in_our_order_and_once(engine: Engine):
    steps = asked(engine, count=1, models=["no-classes", MODEL, "no-classes"])
    assert list(dict.fromkeys(step.model for step in steps)) == [MODEL, "no-classes"]
    assert sum(isinstance(step.event, Result) for step in steps) == 2


def test_an_unknown_model_is_refused_before_anything_is_drawn(engine: Engine):
    with pytest.raises(UnknownModel, match="nobody"):
        asked(engine, models=[MODEL, "nobody"])
    assert engine.loader.state() == ()


@pytest.mark.parametrize("models", ["abc", 10**9, [1], {"a": 1}, [None], True])
def test_models_that_are_no_list_of_names_are_refused(models: object):
    with pytest.raises(InvalidRequest, match="Models must be a valid value") as caught:
        CompareModels.ask(models=models)
    assert "“模型”必须是" in caught.value.text.zh


def test_closing_ends_it_within_a_step(engine: Engine):
    for stop in (1, 2, 3, 5):
        study = side_by_side(CompareModels.ask(count=100, models=[MODEL, "no-classes"]), engine)
        for _ in range(stop):
            next(study)
        study.close()
        assert in_use(engine) == 0


def test_progress_is_told_of_each(engine: Engine):
    steps = asked(engine, count=70, models=[MODEL, "no-classes"])
    for model in (MODEL, "no-classes"):
        told = [s.event for s in steps if s.model == model and isinstance(s.event, Progress)]
        assert told[-1].step == told[-1].total == 70


def test_one_seed_gives_models_of_one_kind_the_same_pictures(engine: Engine, tmp_path: Path):
    shutil.copytree(CHECKPOINTS / MODEL, tmp_path / "twin")
    ours = engine.catalog.find(MODEL)
    twin = ours.model_copy(update={"id": "twin", "folder": tmp_path / "twin"})
    engine.catalog.entries["twin"] = twin
    ends = last(asked(engine, count=4, seed=9, models=[MODEL, "twin"]))
    sheets: list[np.ndarray] = []
    for step in ends.values():
        assert isinstance(step.event, Result)
        sheets.append(np.stack([pixels(a.media) for a in step.event.artifacts]))
    assert np.array_equal(*sheets)
