"""Several visitors' requests for the same small model, run together.

A small network costs nearly as much for one picture as for eight. So the loaded model owns one
worker that takes rows from the waiting requests, turn by turn, runs them as one batch and hands
each request its own part. The worker starts with the first request and stops when idle.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aigc_core.errors import Cancelled

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Compute = Callable[[Sequence["Tensor"]], "np.ndarray"]


class Ticket:
    """One request's place in the batches: iterate over it for its results, in order.

    Closing it, which leaving the `with` does, withdraws what has not been computed yet.
    """

    def __init__(self, batcher: "Batcher", rows: tuple["Tensor", ...]) -> None:
        self.batcher, self.rows = batcher, rows
        self.total = len(rows[0])
        self.given = 0
        self.parts: list[np.ndarray] = []
        self.failure: BaseException | None = None
        self.traceback: TracebackType | None = None
        self.closed = False

    def __iter__(self) -> Iterator["np.ndarray"]:
        """Yields results (n, ...) as they come; n varies, the sum is the request's rows.

        Raises:
            Cancelled: the ticket or the model was closed before all rows were computed.
        """
        taken = 0
        while taken < self.total:
            with self.batcher.changed:
                self.batcher.changed.wait_for(lambda: self.parts or self.failure or self.closed)
                if self.failure is not None:
                    # Several tickets raise this one error: their frames must not pile up on it.
                    raise self.failure.with_traceback(self.traceback)
                if self.closed:
                    raise Cancelled
                parts, self.parts = self.parts, []
            for part in parts:
                taken += len(part)
                yield part

    def close(self) -> None:
        """Withdraws the rows not yet computed."""
        with self.batcher.changed:
            self.closed = True
            if self in self.batcher.waiting:
                self.batcher.waiting.remove(self)
            self.batcher.changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Batcher:
    """Runs rows of several requests as one batch.

    Args:
        compute: takes the request's tensors, row by row concatenated, and gives one result a row.
        limit: rows in a batch.
        step: entered around every batch; the construction gate's shared side.
        idle: seconds after which the worker ends.
    """

    def __init__(
        self,
        compute: Compute,
        *,
        limit: int = 32,
        step: Callable[[], AbstractContextManager[object]],
        idle: float = 2.0,
    ) -> None:
        self.compute, self.limit, self.step, self.idle = compute, limit, step, idle
        self.changed = threading.Condition()
        self.waiting: list[Ticket] = []
        self.worker: threading.Thread | None = None
        self.closed = False

    def submit(self, *rows: "Tensor") -> Ticket:
        """A ticket for tensors that are equally long in their first axis."""
        ticket = Ticket(self, rows)
        with self.changed:
            if self.closed:
                raise Cancelled
            if ticket.total:
                self.waiting.append(ticket)
            if self.waiting and self.worker is None:
                self.worker = threading.Thread(target=self._work, name="batcher", daemon=True)
                self.worker.start()
            self.changed.notify_all()
        return ticket

    def close(self) -> None:
        """Withdraws all tickets and ends the worker."""
        with self.changed:
            self.closed = True
            for ticket in self.waiting:
                ticket.closed = True
            self.waiting.clear()
            worker = self.worker
            self.changed.notify_all()
        if worker is not None and worker is not threading.current_thread():
            worker.join()

    def _work(self) -> None:
        while shares := self._next():
            try:
                results = self._run(shares)
                failure = None
            except BaseException as error:
                failure = error
            with self.changed:
                start = 0
                for ticket, _, count in shares:
                    if failure is None:
                        ticket.parts.append(results[start : start + count])
                        start += count
                    else:
                        ticket.failure, ticket.traceback = failure, failure.__traceback__
                        if ticket in self.waiting:
                            self.waiting.remove(ticket)
                self.changed.notify_all()

    def _run(self, shares: list[tuple[Ticket, int, int]]) -> "np.ndarray":
        import torch

        columns = range(len(shares[0][0].rows))
        batch = [
            torch.cat([ticket.rows[i][first : first + count] for ticket, first, count in shares])
            for i in columns
        ]
        with self.step(), torch.inference_mode():
            return self.compute(batch)

    def _next(self) -> list[tuple[Ticket, int, int]]:
        """The next batch as (ticket, first row, rows); empty when the worker is to end."""
        with self.changed:
            deadline = time.monotonic() + self.idle
            while not self.waiting:
                left = deadline - time.monotonic()
                if self.closed or left <= 0:
                    self.worker = None
                    return []
                self.changed.wait(left)
            shares = []
            for ticket, count in self._dealt():
                shares.append((ticket, ticket.given, count))
                ticket.given += count
            # Who was served goes to the end, so that the next batch begins with the others.
            served = [ticket for ticket, _, _ in shares]
            rest = [ticket for ticket in self.waiting if ticket not in served]
            self.waiting = rest + [t for t in served if t.given < t.total]
            return shares

    def _dealt(self) -> list[tuple[Ticket, int]]:
        """Rows of the next batch for each ticket: a turn each, then what room is left, in order.

        A turn is half a batch: a few pictures come at once, a hundred let others in between.
        """
        room, counts = self.limit, dict.fromkeys(self.waiting, 0)
        for most in (max(1, self.limit // 2), self.limit):
            for ticket in self.waiting:
                more = min(
                    room, most - counts[ticket], ticket.total - ticket.given - counts[ticket]
                )
                counts[ticket] += more
                room -= more
        return [(ticket, count) for ticket, count in counts.items() if count]
