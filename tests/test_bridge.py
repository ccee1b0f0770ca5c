import contextvars
import logging
import threading
import traceback
import weakref
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import numpy as np
import pytest

from aigc_core.bridge import Job, run_in_thread
from aigc_core.errors import Cancelled
from aigc_core.events import Event, Preview, Progress, Result
from aigc_core.media import Image
from aigc_core.text import Text
from tests.waiting import SOON

NOTE = Text("working", "进行中")
T = TypeVar("T")
Emit = Callable[[Event], None]


def progress(step: int) -> Progress:
    return Progress(step, 0, NOTE)


def preview(step: int) -> Preview:
    return Preview(Image(np.zeros((1, 1), np.uint8)), step)


def outcome(stream: Generator[Event, None, T]) -> tuple[list[Event], T]:
    """All events, and what the generator returned."""
    events = []
    while True:
        try:
            events.append(next(stream))
        except StopIteration as stop:
            return events, stop.value


def on_a_thread(work: Callable[[], T]) -> T:
    answers: list[T] = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    thread.join(SOON)
    return answers[0]


def once_cancelled(patch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
    """Calls `then` as soon as a work has been cancelled, before it is joined."""
    cancel = Job.cancel

    def cancel_and_then(job: Job[Any, Any]) -> None:
        cancel(job)
        then()

    patch.setattr(Job, "cancel", cancel_and_then)


def test_yields_what_is_emitted_and_returns_the_answer() -> None:
    def work(emit: Emit) -> str:
        emit(progress(1))
        emit(preview(1))
        emit(Result(()))
        return "done"

    events, answer = outcome(run_in_thread(work))
    assert answer == "done"
    assert events[-1] == Result(())


def test_works_in_a_thread_of_its_own_with_the_callers_context() -> None:
    visitor: contextvars.ContextVar[str] = contextvars.ContextVar("visitor")
    visitor.set("here")

    def work(emit: Emit) -> tuple[str, int]:
        name = visitor.get()
        visitor.set("changed in the thread")
        return name, threading.get_ident()

    _, (name, thread) = outcome(run_in_thread(work))
    assert (name, visitor.get()) == ("here", "here")
    assert thread != threading.get_ident()


def test_a_slow_consumer_gets_the_newest_and_every_result() -> None:
    taken, emitted = threading.Event(), threading.Event()
    results = [Result(()) for _ in range(3)]

    def work(emit: Emit) -> None:
        emit(progress(0))
        taken.wait(SOON)
        for step in range(1, 4):
            emit(preview(step))
            emit(progress(step))
            emit(results[step - 1])
        emitted.set()

    stream = run_in_thread(work)
    assert next(stream) == progress(0)
    taken.set()
    emitted.wait(SOON)
    events = list(stream)
    assert [e for e in events if isinstance(e, Result)] == results
    assert [e.step for e in events if isinstance(e, Preview)] == [3]
    assert [e.step for e in events if isinstance(e, Progress)] == [3]


def test_an_error_comes_after_the_events_before_it_with_its_traceback() -> None:
    def deep_in_the_pipeline() -> None:
        raise ValueError("wrong shape")

    def work(emit: Emit) -> None:
        emit(Result(()))
        deep_in_the_pipeline()

    stream = run_in_thread(work)
    assert next(stream) == Result(())
    with pytest.raises(ValueError, match="wrong shape") as caught:
        next(stream)
    assert "deep_in_the_pipeline" in [
        f.name for f in traceback.extract_tb(caught.value.__traceback__)
    ]


def test_closing_cancels_the_next_emit_and_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    raised: list[BaseException] = []
    go = threading.Event()
    threads: list[threading.Thread] = []

    def work(emit: Emit) -> None:
        threads.append(threading.current_thread())
        try:
            for step in range(1000):
                steps.append(step)
                emit(progress(step))
                go.wait(SOON)
        except BaseException as error:
            raised.append(error)
            raise

    stream = run_in_thread(work)
    next(stream)
    once_cancelled(monkeypatch, go.set)
    stream.close()
    assert not threads[0].is_alive()
    assert steps == [0, 1]
    assert isinstance(raised[0], Cancelled)


def test_nothing_runs_before_the_first_step() -> None:
    started: list[int] = []
    stream: Generator[Event, None, None] = run_in_thread(lambda emit: started.append(1))
    stream.close()
    assert not started


def test_an_error_of_the_consumer_cancels_too() -> None:
    ended = threading.Event()

    def work(emit: Emit) -> None:
        try:
            while True:
                emit(progress(0))
        finally:
            ended.set()

    stream = run_in_thread(work)
    next(stream)
    with pytest.raises(KeyError):
        stream.throw(KeyError())
    assert ended.is_set()


def test_each_step_may_come_on_another_thread() -> None:
    turn = threading.Semaphore(0)

    def work(emit: Emit) -> int:
        for _ in range(3):
            emit(Result(()))
            turn.acquire(timeout=SOON)
        return 3

    stream = run_in_thread(work)
    for _ in range(3):
        assert on_a_thread(lambda: next(stream)) == Result(())
        turn.release()
    assert on_a_thread(lambda: outcome(stream)) == ([], 3)


def test_a_cancelled_work_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def work(emit: Emit) -> None:
        try:
            while True:
                emit(progress(0))
        finally:
            raise ValueError("while cleaning up")

    stream = run_in_thread(work)
    next(stream)
    with caplog.at_level(logging.ERROR):
        stream.close()
    assert "while cleaning up" in caplog.text


class Weights:
    """Something large."""


@pytest.mark.parametrize("ending", ["closed", "failed", "finished"])
def test_nothing_of_the_work_is_kept(ending: str) -> None:
    kept: list[weakref.ref[Weights]] = []

    def work(emit: Emit) -> None:
        weights = Weights()
        kept.append(weakref.ref(weights))
        for step in range(1000 if ending == "closed" else 3):
            emit(progress(step))
        if ending == "failed":
            raise ValueError

    stream = run_in_thread(work)
    next(stream)
    if ending == "closed":
        stream.close()
    else:
        try:
            list(stream)
        except ValueError:
            assert ending == "failed"
    assert kept[0]() is None


def test_generate_stops_within_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    transformers: Any = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=32, n_positions=256, n_embd=16, n_layer=1, n_head=2, bos_token_id=0,
        eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(config).eval()
    calls: list[int] = []
    permits = threading.Semaphore(0)
    threads: list[threading.Thread] = []

    def work(emit: Emit) -> Any:
        threads.append(threading.current_thread())

        class Report(transformers.StoppingCriteria):
            def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
                permits.acquire(timeout=SOON)
                calls.append(ids.shape[1])
                emit(Progress(ids.shape[1] - 1, 200, NOTE))
                return torch.zeros(len(ids), dtype=torch.bool)

        prompt = torch.zeros(1, 1, dtype=torch.long)
        return model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=200,
            do_sample=False,
            stopping_criteria=transformers.StoppingCriteriaList([Report()]),
        )

    stream = run_in_thread(work)
    for token in range(1, 4):
        permits.release()
        event = next(stream)
        assert isinstance(event, Progress)
        assert event.step == token
    once_cancelled(monkeypatch, lambda: permits.release(200))
    stream.close()
    assert not threads[0].is_alive()
    assert calls == [2, 3, 4, 5]
