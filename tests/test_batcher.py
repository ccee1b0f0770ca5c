import random
import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aigc_core.batcher import Batcher, Ticket
from aigc_core.errors import Cancelled
from tests.waiting import SOON, end, start, until


class Network:
    """Doubles x and adds y; keeps what it was given, and can be held up or made to fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.error: type[BaseException] | None = None

    def __call__(self, rows: Sequence[Tensor]) -> np.ndarray:
        x, y = rows
        self.batches.append(y.tolist())
        self.started.set()
        assert self.go.wait(SOON)
        if self.error is not None:
            raise self.error("broken")
        assert torch.is_inference_mode_enabled()
        return (2 * x + y.unsqueeze(1)).numpy()

    def hold(self) -> None:
        self.started.clear()
        self.go.clear()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def batcher(network: Network) -> Iterator[Batcher]:
    made = Batcher(network, limit=32, step=nullcontext, idle=0.2)
    yield made
    network.go.set()
    network.error = None
    made.close()


def rows(count: int, mark: int) -> tuple[Tensor, Tensor]:
    """Rows that tell whose they are."""
    x = torch.arange(count * 3, dtype=torch.float32).reshape(count, 3) / 7
    return x, torch.full((count,), mark)


def wanted(count: int, mark: int) -> np.ndarray:
    return np.arange(count * 3, dtype=np.float32).reshape(count, 3) / np.float32(7) * 2 + mark


def taken(ticket: Ticket) -> np.ndarray:
    with ticket:
        return np.concatenate(list(ticket))


def test_results_come_whole_and_in_order(batcher: Batcher):
    for count in (1, 31, 32, 33, 100):
        assert np.array_equal(taken(batcher.submit(*rows(count, 5))), wanted(count, 5))


def test_a_request_alone_fills_the_batches(batcher: Batcher, network: Network):
    taken(batcher.submit(*rows(70, 1)))
    assert [len(batch) for batch in network.batches] == [32, 32, 6]


def test_parts_come_as_they_are_ready(batcher: Batcher, network: Network):
    with batcher.submit(*rows(64, 1)) as ticket:
        parts = iter(ticket)
        first = next(parts)
        assert len(first) in (32, 64)
        assert sum(map(len, parts)) == 64 - len(first)


def busy(batcher: Batcher, network: Network) -> Ticket:
    """A request whose batch is being computed until `network.go` is set."""
    network.hold()
    ticket = batcher.submit(*rows(1, -1))
    assert network.started.wait(SOON)
    return ticket


def test_waiting_requests_share_a_batch(batcher: Batcher, network: Network):
    first = busy(batcher, network)
    tickets = [batcher.submit(*rows(5, mark)) for mark in range(4)]
    network.go.set()
    for mark, ticket in enumerate(tickets):
        assert np.array_equal(taken(ticket), wanted(5, mark))
    assert np.array_equal(taken(first), wanted(1, -1))
    assert len(network.batches) == 2
    assert sorted(network.batches[1]) == sorted([0, 1, 2, 3] * 5)


def test_one_row_does_not_wait_for_a_thousand(batcher: Batcher, network: Network):
    first = busy(batcher, network)
    large, small = batcher.submit(*rows(1000, 0)), batcher.submit(*rows(1, 1))
    network.go.set()
    assert np.array_equal(taken(small), wanted(1, 1))
    assert np.array_equal(taken(large), wanted(1000, 0))
    taken(first)
    served = [index for index, batch in enumerate(network.batches) if 1 in batch]
    assert served == [1]


def test_one_row_that_comes_later_is_in_the_next_batch(batcher: Batcher, network: Network):
    network.hold()
    large = batcher.submit(*rows(1000, 0))
    assert network.started.wait(SOON)
    small = batcher.submit(*rows(1, 1))
    network.go.set()
    taken(small)
    taken(large)
    assert 1 in network.batches[1]


def test_equal_requests_advance_together(batcher: Batcher, network: Network):
    first = busy(batcher, network)
    tickets = [batcher.submit(*rows(64, mark)) for mark in range(4)]
    network.go.set()
    for ticket in tickets:
        taken(ticket)
    taken(first)
    turns = [Counter(batch) for batch in network.batches[1:]]
    assert turns == [{0: 16, 1: 16}, {2: 16, 3: 16}] * 4


def test_a_request_for_nothing_ends_at_once_and_harms_nobody(batcher: Batcher):
    assert list(batcher.submit(*rows(0, 0))) == []
    assert np.array_equal(taken(batcher.submit(*rows(3, 1))), wanted(3, 1))


def test_more_requests_than_rows_in_a_batch_are_served_in_turn(batcher: Batcher, network: Network):
    first = busy(batcher, network)
    tickets = [batcher.submit(*rows(2, mark)) for mark in range(50)]
    network.go.set()
    for mark, ticket in enumerate(tickets):
        assert np.array_equal(taken(ticket), wanted(2, mark))
    taken(first)
    assert all(len(batch) <= 32 for batch in network.batches)
    # Each is in one batch alone, and those who came first are served first.
    told = [mark for batch in network.batches[1:] for mark in dict.fromkeys(batch)]
    assert told == list(range(50))


def test_cancelling_withdraws_what_is_not_computed(batcher: Batcher, network: Network):
    network.hold()
    large = batcher.submit(*rows(1000, 0))
    assert network.started.wait(SOON)
    other = batcher.submit(*rows(40, 1))
    large.close()
    with pytest.raises(Cancelled):
        next(iter(large))
    network.go.set()
    assert np.array_equal(taken(other), wanted(40, 1))
    assert sum(batch.count(0) for batch in network.batches) <= 32
    large.close()


def test_leaving_in_the_middle_withdraws_the_rest(network: Network):
    permits = threading.Semaphore(1)

    @contextmanager
    def one_permit() -> Iterator[None]:
        assert permits.acquire(timeout=SOON)
        yield

    batcher = Batcher(network, limit=32, step=one_permit, idle=0.2)
    with batcher.submit(*rows(1000, 0)) as ticket:
        next(iter(ticket))
    assert not batcher.waiting
    permits.release(40)
    until(lambda: batcher.worker is None)
    assert len(network.batches) <= 2


def test_a_failure_reaches_all_who_share_the_batch(batcher: Batcher, network: Network):
    first = busy(batcher, network)
    tickets = [batcher.submit(*rows(5, mark)) for mark in range(3)]
    network.error = ValueError
    network.go.set()
    depths = []
    for ticket in [first, *tickets, *tickets]:
        with pytest.raises(ValueError, match="broken") as caught:
            taken(ticket)
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert max(depths) == min(depths), "the frames of one piled up on another's"
    assert not batcher.waiting


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_the_worker_outlives_a_failure(
    error: type[BaseException], batcher: Batcher, network: Network
):
    network.error = error
    with pytest.raises(error):
        taken(batcher.submit(*rows(3, 0)))
    network.error = None
    assert np.array_equal(taken(batcher.submit(*rows(3, 1))), wanted(3, 1))


def test_rows_that_do_not_go_together_fail_and_harm_nobody_else(batcher: Batcher):
    with pytest.raises(IndexError):
        taken(batcher.submit(torch.zeros(2, 3), torch.tensor(1)))
    assert np.array_equal(taken(batcher.submit(*rows(3, 1))), wanted(3, 1))


def test_the_worker_stops_when_idle_and_starts_again(batcher: Batcher, network: Network):
    for _ in range(2):
        taken(batcher.submit(*rows(3, 0)))
        worker = batcher.worker
        assert worker is not None
        until(lambda: batcher.worker is None)
        end(worker)


def test_the_gate_is_entered_for_each_batch_and_left():
    steps = {"inside": 0, "batches": 0}

    @contextmanager
    def step() -> Iterator[None]:
        steps["inside"] += 1
        steps["batches"] += 1
        yield
        steps["inside"] -= 1

    def compute(columns: Sequence[Tensor]) -> np.ndarray:
        assert steps["inside"] == 1
        return columns[0].numpy()

    batcher = Batcher(compute, limit=4, step=step, idle=0.1)
    taken(batcher.submit(torch.zeros(10, 1)))
    assert steps == {"inside": 0, "batches": 3}
    batcher.close()


def test_the_callers_thread_keeps_its_own_state(batcher: Batcher):
    with batcher.submit(*rows(64, 0)) as ticket:
        for _ in ticket:
            assert not torch.is_inference_mode_enabled()
            assert torch.is_grad_enabled()


def test_closing_cancels_who_waits_and_finishes_the_batch(batcher: Batcher, network: Network):
    first = busy(batcher, network)
    waiting = batcher.submit(*rows(5, 0))
    worker = batcher.worker
    assert worker is not None
    closing = start(batcher.close)
    until(lambda: batcher.closed)
    assert closing.is_alive()
    network.go.set()
    end(closing, worker)
    assert np.array_equal(taken(first), wanted(1, -1))
    with pytest.raises(Cancelled):
        taken(waiting)
    assert len(network.batches) == 1


def test_nothing_is_taken_after_closing(batcher: Batcher):
    batcher.close()
    with pytest.raises(Cancelled):
        batcher.submit(*rows(1, 0))
    batcher.close()
    assert batcher.worker is None


def test_closing_wakes_who_listens(batcher: Batcher, network: Network):
    first = busy(batcher, network)
    waiting = batcher.submit(*rows(5, 0))
    errors: list[Any] = []

    def listen() -> None:
        try:
            taken(waiting)
        except Cancelled as error:
            errors.append(error)

    listener = start(listen)
    closing = start(batcher.close)
    end(listener)
    assert errors
    network.go.set()
    end(closing)
    taken(first)


def test_sixteen_threads_at_once(batcher: Batcher, network: Network):
    failures: list[BaseException] = []

    def visitor(mark: int) -> None:
        rng = random.Random(mark)
        try:
            for _ in range(12):
                count = rng.choice([1, 2, 7, 33, 90])
                with batcher.submit(*rows(count, mark)) as ticket:
                    parts = []
                    for part in ticket:
                        parts.append(part)
                        if rng.random() < 0.1:
                            break
                    got = np.concatenate(parts)
                    assert np.array_equal(got, wanted(count, mark)[: len(got)])
        except BaseException as error:
            failures.append(error)

    end(*[start(lambda mark=mark: visitor(mark)) for mark in range(16)])  # type: ignore[misc]
    assert not failures
    assert not batcher.waiting
    assert all(len(batch) <= 32 for batch in network.batches)
    assert any(len(set(batch)) > 1 for batch in network.batches)
