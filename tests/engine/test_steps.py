import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.engine import Engine
from aigc_core.events import Result
from aigc_core.gate import PROCESS
from aigc_core.tasks import Request, SampleImages
from tests.engine.engines import REQUESTS, in_use, values
from tests.waiting import SOON

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


def check_thread() -> None:
    """Unrelated work on this thread finds torch as it should be."""
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    assert torch.get_default_dtype() is torch.float32
    assert not torch.is_autocast_enabled("cpu")
    weight = torch.ones(2, requires_grad=True)
    (weight * 3).sum().backward()
    assert weight.grad is not None
    assert not torch.ones(1).is_inference()
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32


def step_around(*runs: Generator[Any, None, None]) -> list[list[Any]]:
    """Drives runs by turns, each step on another thread, with unrelated work in between."""
    events: list[list[Any]] = [[] for _ in runs]
    with ExitStack() as stack:
        threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(3)]
        going = dict(enumerate(runs))
        turn = 0
        while going:
            for index, run in list(going.items()):
                turn += 1
                event = threads[turn % 3].submit(next, run, None).result(SOON)
                for thread in threads:
                    thread.submit(check_thread).result(SOON)
                check_thread()
                if event is None:
                    del going[index]
                else:
                    events[index].append(event)
    return events


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.task)
def test_no_state_of_a_thread_lives_across_a_yield(request_: Request, engine: Engine):
    events, others = step_around(engine.run(request_), engine.run(SampleImages.ask(count=70)))
    wanted = values(engine.result(request_)) if len(events[-1].artifacts) == 1 else None
    assert isinstance(events[-1], Result)
    assert isinstance(others[-1], Result)
    if wanted is not None:
        tolerance = events[-1].artifacts[0].record.tolerance
        assert np.abs(values(events[-1]) - wanted).max() <= tolerance
    assert in_use(engine) == 0


def guilty(contexts: list[Any]) -> Generator[int, None, None]:
    # Entered and never left: its thread ends with the test, and no other must be harmed.
    contexts[0].__enter__()
    yield 1
    yield 2


@pytest.mark.parametrize(
    "context",
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast("cpu", torch.bfloat16),
    ],
    ids=["no_grad", "inference_mode", "autocast"],
)
def test_state_that_lives_across_a_yield_is_noticed(context: Callable[[], Any]):
    contexts = [context()]
    with pytest.raises(AssertionError):
        step_around(guilty(contexts))
    check_thread()


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.task)
def test_builds_are_let_in_between_the_steps(request_: Request, engine: Engine):
    built = 0

    def build() -> None:
        nonlocal built
        with PROCESS.building():
            built += 1

    for count, _ in enumerate(engine.run(request_), start=1):
        builder = threading.Thread(target=build, daemon=True)
        builder.start()
        builder.join(SOON)
        assert built == count
