"""`python -m benchmarks.visitors`: sixteen visitors at once, against the same calls in a row.

1. Over HTTP: each visitor has a page of their own open, so a connection and a session, and asks a
   served suite once, from the POST to the last event; the same sixteen calls, one after another,
   are the measure. Both ways take turns on one server. Latencies are those of single calls, of
   all rounds together; the server's processor time is what one call costs it, on all cores.
2. By the engine alone: the same requests without Gradio, in sixteen threads and in a row. The
   difference to the first table is what serving them costs.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from aigc_core.engine import Engine
from aigc_core.tasks.image import SampleImages
from benchmarks.measure import (
    PATIENCE,
    SUITE,
    Series,
    Server,
    Target,
    Visitor,
    default_model,
    report,
    serving,
    table,
    timed,
)

VISITORS = 16
TARGETS = {4: Target(3.0, at_least=True), 16: Target(2.0, at_least=True)}
HEAD = ("16 calls", "all, s", "p50, ms", "p95, ms", "CPU a call, ms", "faster")


@dataclass(frozen=True)
class Round:
    """Every visitor's call, one of the two ways.

    Args:
        seconds: from the first to the last.
        calls: seconds of each.
        cpu: seconds of processor time that the server took for all of them.
    """

    seconds: float
    calls: tuple[float, ...]
    cpu: float


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.visitors", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    with report("visitors"):
        with serving(*SUITE) as server:
            print(asyncio.run(over_http(server, options.rounds)), end="\n\n", flush=True)
        print(by_engine(options.rounds))
    return 0


async def over_http(server: Server, rounds: int) -> str:
    """Two rows for each number of digits."""
    rows: list[tuple[str, ...]] = []
    async with AsyncExitStack() as stack:
        clients = [httpx.AsyncClient(timeout=PATIENCE) for _ in range(VISITORS)]
        visitors = [
            Visitor(await stack.enter_async_context(client), server.url) for client in clients
        ]
        for count, target in TARGETS.items():
            # The first round opens connections and sessions and loads the model; it is not counted.
            await together(visitors, server, wishes(count, 0))
            pairs = []
            for round in range(1, rounds + 1):
                asked = wishes(count, round)
                row = await in_a_row(visitors, server, asked)
                pairs.append((row, await together(visitors, server, asked)))
            rows += lines(count, pairs, target)
    return table(("over HTTP:", *HEAD, "target"), rows)


def wishes(count: int, round: int) -> list[dict[str, Any]]:
    """What each visitor asks for: other seeds in every round."""
    common = {"label": "each", "count": count, "truncation": 1.0}
    return [{**common, "seed": 1000 * (round * VISITORS + place)} for place in range(VISITORS)]


Visitors = Sequence[Visitor]


async def in_a_row(visitors: Visitors, server: Server, asked: list[dict[str, Any]]) -> Round:
    model, cpu, start = default_model(), server.cpu_seconds(), time.perf_counter()
    calls = [
        await visitor.draw(model=model, **wish)
        for visitor, wish in zip(visitors, asked, strict=True)
    ]
    return Round(time.perf_counter() - start, tuple(calls), server.cpu_seconds() - cpu)


async def together(visitors: Visitors, server: Server, asked: list[dict[str, Any]]) -> Round:
    model, cpu, start = default_model(), server.cpu_seconds(), time.perf_counter()
    async with asyncio.timeout(PATIENCE):
        calls = await asyncio.gather(
            *(
                visitor.draw(model=model, **wish)
                for visitor, wish in zip(visitors, asked, strict=True)
            )
        )
    return Round(time.perf_counter() - start, tuple(calls), server.cpu_seconds() - cpu)


def by_engine(rounds: int) -> str:
    """The same without a server."""
    engine, rows = Engine.default(), []
    with ThreadPoolExecutor(VISITORS) as threads:
        for count in TARGETS:
            engine_round(engine, threads.map, wishes(count, 0))
            pairs = []
            for round in range(1, rounds + 1):
                asked = wishes(count, round)
                row = engine_round(engine, map, asked)
                pairs.append((row, engine_round(engine, threads.map, asked)))
            rows += lines(count, pairs)
    engine.loader.close()
    return table(("engine alone:", *HEAD), rows)


def engine_round(engine: Engine, each: Callable[..., Any], asked: list[dict[str, Any]]) -> Round:
    """All requests of a round; `each` is `map`, or that of a pool of threads."""

    def run(wish: dict[str, Any]) -> float:
        return timed(partial(engine.result, SampleImages(**wish)))

    cpu, start = time.process_time(), time.perf_counter()
    calls = tuple(each(run, asked))
    return Round(time.perf_counter() - start, calls, time.process_time() - cpu)


def lines(
    count: int, pairs: list[tuple[Round, Round]], target: Target | None = None
) -> list[tuple[str, ...]]:
    """A row for each way, and how much faster the second is."""
    row, once = zip(*pairs, strict=True)
    ratio = seconds(row).over(seconds(once))
    goal = [target.show(ratio.median, "x")] if target else []
    return [
        (f"{count} digits each", "in a row", *figures(row), "1", *[""] * len(goal)),
        (f"{count} digits each", "at once", *figures(once), ratio.show(), *goal),
    ]


def figures(rounds: Sequence[Round]) -> tuple[str, ...]:
    latency = Series(tuple(call for round in rounds for call in round.calls))
    cpu = Series(tuple(round.cpu / VISITORS for round in rounds))
    return (
        seconds(rounds).show(),
        f"{1000 * latency.median:.0f}",
        f"{1000 * latency.percentile(0.95):.0f}",
        cpu.show(1000, 0),
    )


def seconds(rounds: Sequence[Round]) -> Series:
    return Series(tuple(round.seconds for round in rounds))


if __name__ == "__main__":
    sys.exit(main())
