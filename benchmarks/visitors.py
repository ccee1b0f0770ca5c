"""`python -m benchmarks.visitors`: sixteen visitors at once, against the same calls in a row.

Each visitor has a connection of their own and asks a served suite once, over HTTP, from the POST
to the last event; the same sixteen calls, one after another, are the measure. Both ways take
turns on one server. Latencies are those of single calls, of all rounds together.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx

from benchmarks.measure import (
    PATIENCE,
    SUITE,
    Series,
    Target,
    default_model,
    draw,
    report,
    serving,
    table,
)

VISITORS = 16
TARGETS = {4: Target(3.0, at_least=True), 16: Target(2.0, at_least=True)}


class Round:
    """Every visitor's call, by one of the two ways: seconds in all, and of each call."""

    def __init__(self, seconds: float, calls: Sequence[float]) -> None:
        self.seconds, self.calls = seconds, tuple(calls)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.visitors", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    with report("visitors"), serving(*SUITE) as server:
        print(asyncio.run(compare(server.url, options.rounds)))
    return 0


async def compare(url: str, rounds: int) -> str:
    """A table with two rows for each number of digits."""
    rows: list[tuple[str, ...]] = []
    async with AsyncExitStack() as stack:
        visitors = [
            await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE))
            for _ in range(VISITORS)
        ]
        for count, target in TARGETS.items():
            # The first round opens the connections and loads the model; it is not counted.
            await together(visitors, url, calls(count, -1))
            pairs = []
            for round in range(rounds):
                wishes = calls(count, round)
                pairs.append(
                    (await in_a_row(visitors, url, wishes), await together(visitors, url, wishes))
                )
            rows += lines(count, target, pairs)
    head = ("digits each", "16 calls", "all, s", "a call p50, ms", "p95, ms", "faster", "target")
    return table(head, rows)


def calls(count: int, round: int) -> list[dict[str, Any]]:
    """What each visitor asks for: other seeds in every round."""
    common = {"label": "each", "count": count, "truncation": 1.0, "model": default_model()}
    first = (round + 1) * VISITORS
    return [{**common, "seed": 1000 * (first + visitor)} for visitor in range(VISITORS)]


async def in_a_row(
    visitors: list[httpx.AsyncClient], url: str, wishes: list[dict[str, Any]]
) -> Round:
    start = time.perf_counter()
    taken = [await draw(v, url, **wish) for v, wish in zip(visitors, wishes, strict=True)]
    return Round(time.perf_counter() - start, taken)


async def together(
    visitors: list[httpx.AsyncClient], url: str, wishes: list[dict[str, Any]]
) -> Round:
    start = time.perf_counter()
    async with asyncio.timeout(PATIENCE):
        taken = await asyncio.gather(
            *(draw(v, url, **wish) for v, wish in zip(visitors, wishes, strict=True))
        )
    return Round(time.perf_counter() - start, taken)


def lines(count: int, target: Target, pairs: list[tuple[Round, Round]]) -> list[tuple[str, ...]]:
    rows, once = zip(*pairs, strict=True)
    ratio = seconds(rows).over(seconds(once))
    return [
        (str(count), "in a row", *figures(rows), "1", ""),
        (str(count), "at once", *figures(once), ratio.show(), target.show(ratio.median, "x")),
    ]


def figures(rounds: Sequence[Round]) -> tuple[str, str, str]:
    latency = Series(tuple(call for round in rounds for call in round.calls))
    return (
        seconds(rounds).show(),
        f"{1000 * latency.median:.0f}",
        f"{1000 * latency.percentile(0.95):.0f}",
    )


def seconds(rounds: Sequence[Round]) -> Series:
    return Series(tuple(round.seconds for round in rounds))


if __name__ == "__main__":
    sys.exit(main())
