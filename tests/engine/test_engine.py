import platform
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest

import aigc_core
from aigc_core.artifact import Record
from aigc_core.engine import CatalogModel, Engine
from aigc_core.errors import InvalidRequest, UnknownModel
from aigc_core.events import Progress, Result
from aigc_core.families import image_sampler
from aigc_core.footprint import Part
from aigc_core.tasks import Request, SampleImages, TraceImage
from tests.engine.engines import MODEL, REQUESTS, changed, in_use, made, values
from tests.waiting import SOON

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


def test_the_same_request_gives_identical_artifacts(alone: Engine):
    for request in REQUESTS:
        first, second = (alone.result(request) for _ in range(2))
        assert [a.digest() for a in first.artifacts] == [a.digest() for a in second.artifacts]


def test_another_engine_gives_identical_artifacts(alone: Engine):
    other = Engine.default(batching=False)
    for request in REQUESTS:
        first, second = alone.result(request), other.result(request)
        assert [a.digest() for a in first.artifacts] == [a.digest() for a in second.artifacts]
    other.loader.close()


def test_beside_others_it_stays_within_the_stated_tolerance(alone: Engine, shared: Engine):
    request = SampleImages.ask(count=50, seed=5)
    wanted = values(alone.result(request))
    done = threading.Event()

    def load(seed: int) -> None:
        counts = iter([1, 7, 33] * 1000)
        while not done.is_set():
            shared.result(SampleImages.ask(count=next(counts), seed=seed))

    others = [threading.Thread(target=load, args=(seed,), daemon=True) for seed in range(3)]
    for other in others:
        other.start()
    try:
        for _ in range(4):
            result = shared.result(request)
            tolerance = {artifact.record.tolerance for artifact in result.artifacts}
            assert np.abs(values(result) - wanted).max() <= max(tolerance)
    finally:
        done.set()
    for other in others:
        other.join(SOON)
        assert not other.is_alive()
    assert in_use(shared) == 0


def test_the_record_says_how_it_was_made(engine: Engine):
    request = SampleImages.ask(label="any", count=3, seed=11, truncation=0.5)
    before = time.perf_counter()
    result = engine.result(request)
    elapsed = time.perf_counter() - before
    entry = engine.catalog.find(MODEL)
    for place, artifact in enumerate(result.artifacts):
        record = artifact.record
        assert set(record.model_dump()) == set(Record.model_fields)
        assert record.format == "aigc-record/1"
        assert (record.task, record.request) == ("sample-images", request.model_dump())
        assert (record.model, record.revision) == (MODEL, entry.revision)
        assert record.seed == 11 + place
        assert record.device == engine.loader.state()[0].device
        assert record.software == {
            "aigc": aigc_core.__version__,
            "python": platform.python_version(),
            "torch": version("torch"),
        }
        age = datetime.now().astimezone() - datetime.fromisoformat(record.created)
        assert timedelta(0) <= age < timedelta(minutes=2)
        assert 0 <= record.seconds <= elapsed + 0.1
        assert SampleImages.ask(**record.request) == request


def test_a_record_is_enough_to_make_it_again(alone: Engine):
    for request in REQUESTS:
        artifact = alone.result(request).artifacts[0]
        again = type(request).ask(**artifact.record.request)
        made_again = alone.result(again, model=artifact.record.model).artifacts[0]
        assert made_again.digest() == artifact.digest()


def test_the_first_model_that_can_is_the_default(alone: Engine):
    for request in REQUESTS:
        assert alone.result(request).artifacts[0].record.model == alone.models(type(request))[0].id


def test_running_does_nothing_until_the_first_step():
    engine = made(changed())
    run = engine.run(SampleImages.ask())
    assert engine.loader.state() == ()
    run.close()
    assert engine.loader.state() == ()


def test_waiting_for_the_model_is_told():
    engine = made(changed())
    events = list(engine.run(SampleImages.ask(count=1)))
    assert all(isinstance(event, Progress) for event in events[:-1])
    assert isinstance(events[-1], Result)
    engine.loader.close()


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.task)
def test_closing_gives_the_lease_back_at_once(request_: Request, engine: Engine):
    count = len(list(engine.run(request_)))
    for stop in range(1, count + 1):
        run = engine.run(request_)
        for _ in range(stop):
            next(run)
        assert in_use(engine) == 1
        # Of this thread alone, so that a busy machine does not count.
        start = time.thread_time()
        run.close()
        assert time.thread_time() - start < 0.1
        assert in_use(engine) == 0


def test_a_closed_run_computes_at_most_one_more_step(shared: Engine):
    with shared.loader.lease(MODEL) as model:
        batcher = model.batcher
        run = shared.run(SampleImages.ask(count=100))
        next(run)
        run.close()
        assert not batcher.waiting


def test_what_is_dropped_gives_the_lease_back(engine: Engine):
    run = engine.run(SampleImages.ask(count=100))
    next(run)
    del run
    assert in_use(engine) == 0


def test_a_model_in_use_is_not_evicted(engine: Engine):
    run = engine.run(SampleImages.ask(count=100))
    next(run)
    assert not engine.loader.evict(MODEL)
    run.close()
    assert engine.loader.evict(MODEL)
    assert len(engine.result(SampleImages.ask(count=2)).artifacts) == 2


def test_an_unknown_model_is_refused(alone: Engine):
    with pytest.raises(UnknownModel, match="gpt"):
        next(alone.run(SampleImages.ask(), model="gpt"))


class Unheard(Request):
    """A wish that no model here knows."""

    task = "unheard"
    title = SampleImages.title


def test_a_model_that_does_not_answer_says_so(alone: Engine):
    with pytest.raises(InvalidRequest) as caught:
        next(alone.run(Unheard.ask(), model=MODEL))
    entry = alone.catalog.find(MODEL)
    assert entry.name.en in caught.value.text.en
    assert entry.name.zh in caught.value.text.zh
    assert Unheard.title.zh in caught.value.text.zh


def test_a_task_that_no_model_answers_says_so(alone: Engine):
    with pytest.raises(InvalidRequest) as caught:
        next(alone.run(Unheard.ask()))
    assert Unheard.title.en in caught.value.text.en
    assert alone.models(Unheard) == []


def test_an_answer_that_fails_gives_the_lease_back(alone: Engine, monkeypatch: pytest.MonkeyPatch):
    def broken(model: Any, request: Request) -> Iterator[Any]:
        yield Progress(0, 1, image_sampler.DRAWING)
        raise ZeroDivisionError

    monkeypatch.setitem(image_sampler.ANSWERS, SampleImages, broken)
    run = alone.run(SampleImages.ask())
    next(run)
    with pytest.raises(ZeroDivisionError):
        next(run)
    assert in_use(alone) == 0


def test_an_answer_has_ended_before_its_lease(alone: Engine, monkeypatch: pytest.MonkeyPatch):
    leases: list[int] = []

    def answer(model: Any, request: Request) -> Iterator[Any]:
        try:
            for step in range(9):
                yield Progress(step, 9, image_sampler.DRAWING)
        finally:
            leases.append(in_use(alone))

    monkeypatch.setitem(image_sampler.ANSWERS, SampleImages, answer)
    run = alone.run(SampleImages.ask())
    next(run)
    run.close()
    with pytest.raises(RuntimeError):
        alone.result(SampleImages.ask())
    assert leases == [1, 1]
    assert in_use(alone) == 0


def test_an_answer_without_a_result_is_a_bug(alone: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(
        image_sampler.ANSWERS, SampleImages, lambda model, request: (event for event in ())
    )
    with pytest.raises(RuntimeError, match="without a result"):
        alone.result(SampleImages.ask())


def test_what_a_model_needs_is_known_before_loading():
    entry = changed()
    model = CatalogModel(entry)
    assert model.id == MODEL
    assert model.parts() == (Part("", entry.numbers),)
    engine = made(entry)
    with engine.loader.lease(MODEL) as loaded:
        held = [*loaded.network.parameters(), *loaded.network.buffers()]
        assert sum(t.numel() for t in held) == entry.numbers
        assert sum(w.numel() for w in loaded.network.parameters()) == entry.parameters
    engine.loader.close()


def test_run_is_the_default_engine():
    aigc_core.default_engine.cache_clear()
    try:
        *_, result = aigc_core.run(SampleImages.ask(count=2, label="1"))
        assert isinstance(result, Result)
        assert len(result.artifacts) == 2
        assert aigc_core.default_engine() is aigc_core.default_engine()
        *_, named = aigc_core.run(TraceImage.ask(), model=MODEL)
        assert isinstance(named, Result)
    finally:
        aigc_core.default_engine().loader.close()
        aigc_core.default_engine.cache_clear()
