"""`python -m benchmarks.letting_go`: without a network, and when somebody has changed their mind.

On stand-ins (random weights) that a hub on loopback serves; see `stage.py`. Cancelling is timed
from the closing of the run to the end of every thread that worked for it.
"""

import argparse
import gc
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from unittest.mock import patch

import numpy as np
import psutil  # type: ignore[import-untyped]

from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Event, Preview, Progress
from aigc_core.freeing import give_back
from aigc_core.tasks import Request
from benchmarks.loader import MODELS, PICTURE, TEXT, Table
from benchmarks.measure import Series, Target, free_port, interleaved, report, table
from benchmarks.stage import Stage, stage

START, REFUSED, FREED = Target(1.05), Target(5.0), Target(200.0)
WORKERS = ("load ", "fetch ", "bridge")
ASKED: dict[str, Request] = {"qwen3": TEXT, "stable-diffusion": PICTURE}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.letting_go", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args(arguments)
    with report("letting go"), stage(*MODELS) as house:
        for measure in (starting, refusing, cancelling):
            head, rows = measure(house, options.rounds)
            print(table(head, rows), end="\n\n", flush=True)
    return 0


def starting(house: Stage, rounds: int) -> Table:
    """Loading what is on the disk, by what the network does meanwhile."""
    engine = house.engine()
    model = "stable-diffusion"
    for _ in engine.loader.fetch(model):
        pass

    def load() -> float:
        start = time.perf_counter()
        with engine.loader.lease(model):
            taken = time.perf_counter() - start
        engine.loader.evict(model)
        return taken

    def switched_off() -> float:
        with patch.dict(os.environ, {"HF_HUB_OFFLINE": "1"}):
            return load()

    def unreachable() -> float:
        with patch.dict(os.environ, {"HF_ENDPOINT": f"http://127.0.0.1:{free_port()}"}):
            return load()

    def silent() -> float:
        house.hub.fault("hang")
        try:
            return load()
        finally:
            house.hub.mend()

    load()
    off, *others = interleaved(rounds, switched_off, unreachable, silent, load)
    names = ("hub refuses", "hub says nothing", "hub answers")
    rows: list[tuple[str, ...]] = [("switched off", off.show(1000, 0), "", "")]
    for name, series in zip(names, others, strict=True):
        ratio = series.over(off)
        rows.append((name, series.show(1000, 0), ratio.show(), START.show(ratio.median)))
    return ("network", "a cached model is ready after, ms", "ratio", "target"), rows


def refusing(house: Stage, rounds: int) -> Table:  # noqa: ARG001
    """What is said, and when, of a model that is not on the disk."""
    forget(house)
    rows: list[tuple[str, ...]] = []
    cases = {
        "switched off": {"HF_HUB_OFFLINE": "1"},
        "hub refuses": {"HF_ENDPOINT": f"http://127.0.0.1:{free_port()}"},
        "hub says nothing": {},
        "no such name": {"HF_ENDPOINT": "http://hub.invalid"},
    }
    for name, settings in cases.items():
        if not settings:
            house.hub.fault("hang")
        with patch.dict(os.environ, settings):
            start = time.perf_counter()
            try:
                house.engine().result(TEXT, model="qwen3")
                said = "no refusal"
            except AigcError as error:
                said = f"{type(error).__name__}: {error.text.en}"
            taken = time.perf_counter() - start
        house.hub.mend()
        rows.append((name, f"{taken:.2f}", REFUSED.show(taken, " s"), said[:120]))
    return ("network", "refused after, s", "target", "said"), rows


def cancelling(house: Stage, rounds: int) -> Table:
    """How soon everything is free again."""
    rows: list[tuple[str, ...]] = []
    for name, moment in {
        "a download that flows": downloading,
        "a download that hangs": hanging,
        "a load": loading,
        "text being written": writing,
        "a picture being drawn": drawing,
    }.items():
        moment(house)  # What the first one leaves are libraries and their caches.
        kept: list[int] = []
        seen: list[tuple[float, float]] = []
        for _ in range(rounds):
            seen.append(moment(house))
            gc.collect()
            give_back()
            kept.append(int(psutil.Process().memory_info().rss))
        freed, step = zip(*seen, strict=True)
        growth = float(np.polyfit(range(rounds), kept, 1)[0]) / 1e3
        times, longest = Series(tuple(freed)), max(step)
        beyond = 1000 * (times.percentile(0.95) - longest)
        rows.append(
            (
                name,
                times.show(1000, 0),
                f"{1000 * times.percentile(0.95):.0f}",
                f"{1000 * longest:.0f}",
                FREED.show(beyond, " ms beyond a step"),
                f"{growth:+.0f}",
            )
        )
    head = (
        "cancelled",
        "all free after, ms",
        "p95",
        "longest step, ms",
        "target",
        "memory kept, kB each",
    )
    return head, rows


def downloading(house: Stage) -> tuple[float, float]:
    forget(house)
    house.hub.fault("slow", "/cdn/*", rate=300_000)
    return stopped(house, "stable-diffusion", lambda e: isinstance(e, Progress) and e.step > 0)


def hanging(house: Stage) -> tuple[float, float]:
    forget(house)
    house.hub.fault("hang", "/cdn/*")
    return stopped(house, "stable-diffusion", lambda e: isinstance(e, Progress) and e.bytes)


def loading(house: Stage) -> tuple[float, float]:
    # A step of a load is one part of the pipeline: its longest is no longer than all of it.
    return stopped(
        house, "stable-diffusion", lambda e: isinstance(e, Progress) and "Loading" in e.note.en
    )


def writing(house: Stage) -> tuple[float, float]:
    return stopped(house, "qwen3", lambda e: isinstance(e, Preview) and e.step > 5)


def drawing(house: Stage) -> tuple[float, float]:
    return stopped(house, "stable-diffusion", lambda e: isinstance(e, Preview) and e.step > 2)


def stopped(house: Stage, model: str, enough: Callable[[Event], bool]) -> tuple[float, float]:
    """Seconds from closing a run until nothing works for it, and of its longest step."""
    engine = house.engine()
    longest = 0.0
    with closing(engine.run(ASKED[model], model=model)) as run:
        start = time.perf_counter()
        for event in run:
            longest = max(longest, time.perf_counter() - start)
            if enough(event):
                break
            start = time.perf_counter()
        start = time.perf_counter()
    while working(engine):
        time.sleep(0.001)
    freed = time.perf_counter() - start
    house.hub.mend()
    engine.loader.close()
    return freed, longest


def working(engine: Engine) -> bool:
    """Whether anything is still done for somebody, or held by them."""
    if any(thread.name.startswith(WORKERS) for thread in threading.enumerate()):
        return True
    status = engine.loader.status()
    return bool(status.fetches) or any(model.refs or model.waiting for model in status.models)


def forget(house: Stage) -> None:
    """Deletes what was downloaded."""
    shutil.rmtree(house.folder / "hf", ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
