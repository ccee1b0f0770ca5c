"""`python -m benchmarks.startup`: from nothing to the first page, and to the first digits.

1. Cold start: a fresh process of `python -m apps --no-browser` until its first page has been read,
   against a fresh process of a Gradio app with one button. The files are in the disk cache, as
   after any first start.
2. What happens behind the first page: whether PyTorch was imported for it, and when PyTorch and
   the default model are ready.
3. The first click: in a fresh process, a second after the first page was read, as a person would;
   the time until 100 digits are there. The second click shows what a warm suite takes.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measure import (
    PATIENCE,
    SUITE,
    Series,
    Server,
    Target,
    Visitor,
    default_model,
    interleaved,
    report,
    serving,
    table,
)

ONE_BUTTON = """
import sys
import gradio as gr

with gr.Blocks(analytics_enabled=False) as app:
    gr.Button("Draw").click(lambda: None)
app.launch(server_port=int(sys.argv[1]), quiet=True, ssr_mode=False, footer_links=[])
"""
WATCHED = "from benchmarks.startup import watched; watched()"

START = Target(1.3)
FIRST_DIGITS = Target(2.0)
AFTER = 1.0  # seconds from the first page to the first click
CLICK: dict[str, Any] = {"label": "each", "count": 100, "truncation": 1.0}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    with report("startup"):
        print(cold_start(options.rounds), end="\n\n", flush=True)
        print(behind_the_page(options.rounds), end="\n\n", flush=True)
        print(first_click(options.rounds))
    return 0


def cold_start(rounds: int) -> str:
    """Both apps in turn, each in fresh processes."""
    suite, button = interleaved(
        rounds, lambda: time_to_page(*SUITE), lambda: time_to_page("-c", ONE_BUTTON)
    )
    ratio = suite.over(button)
    head = ("start to first page, s", "median (min..max)", "ratio", "target")
    return table(
        head,
        [
            ("the suite", suite.show(), ratio.show(), START.show(ratio.median)),
            ("one-button Gradio app", button.show(), "1", ""),
        ],
    )


def time_to_page(*command: str) -> float:
    with serving(*command) as server:
        return server.served - server.started


def behind_the_page(rounds: int) -> str:
    """What a watched suite does after its first page, without any click."""
    seen = [watch() for _ in range(rounds)]
    untouched = sum(times["torch"] >= 0 for times in seen)
    torch, warm = (Series(tuple(times[name] for times in seen)) for name in ("torch", "warm"))
    head = ("after the first page was read, s", "median (min..max)", "target")
    return table(
        head,
        [
            ("PyTorch's import begins", torch.show(), f"not before: {untouched} of {rounds}"),
            ("default model is ready", warm.show(), ""),
        ],
    )


def watch() -> dict[str, float]:
    """When, in seconds after the first page, PyTorch's import began and the model was ready."""
    with tempfile.NamedTemporaryFile() as notes, serving("-c", WATCHED, notes.name) as server:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            text = Path(notes.name).read_text("utf-8")
            if text.endswith("\n"):
                times: dict[str, float] = json.loads(text)
                return {name: at - server.served for name, at in times.items()}
            time.sleep(0.05)
    raise RuntimeError("the default model did not get ready")


def watched() -> None:
    """The suite with an onlooker: `FILE PORT` in `sys.argv`. Runs in the process under watch."""
    notes, port = sys.argv[1:]
    threading.Thread(target=look_on, args=(Path(notes),), daemon=True).start()
    from apps.__main__ import main

    main(["--no-browser", "--port", port])


def look_on(notes: Path) -> None:
    """Writes down when PyTorch's import began and when a model was ready."""
    while "torch" not in sys.modules:
        time.sleep(0.002)
    times = {"torch": time.time()}
    from aigc_core import default_engine

    loader = default_engine().loader
    while not any(state.status == "ready" for state in loader.state()):
        time.sleep(0.01)
    times["warm"] = time.time()
    notes.write_text(json.dumps(times) + "\n", "utf-8")


def first_click(rounds: int) -> str:
    """Two clicks on each of several fresh suites."""
    model = default_model()
    pairs = [clicks(model) for _ in range(rounds)]
    first, second = (Series(column) for column in zip(*pairs, strict=True))
    head = ("100 digits over HTTP, s", "median (min..max)", "target")
    return table(
        head,
        [
            (
                f"first click, {AFTER:g} s after the first page",
                first.show(),
                FIRST_DIGITS.show(first.median, " s"),
            ),
            ("second click", second.show(), ""),
        ],
    )


def clicks(model: str) -> tuple[float, float]:
    with serving(*SUITE) as server:
        return asyncio.run(click_twice(server, model))


async def click_twice(server: Server, model: str) -> tuple[float, float]:
    async with httpx.AsyncClient(timeout=PATIENCE) as connection:
        visitor = Visitor(connection, server.url)
        await asyncio.sleep(server.served + AFTER - time.time())
        first = await visitor.draw(seed=0, model=model, **CLICK)
        second = await visitor.draw(seed=1, model=model, **CLICK)
        return first, second


if __name__ == "__main__":
    sys.exit(main())
