"""`python -m benchmarks.loader`: what the loader adds to a run, and how soon it serves.

All of it on stand-ins (random weights) that a hub on loopback serves; see `stage.py`. Ratios are
of CPU time over pairs that run in turn, with a 95 % interval of the median by resampling.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from aigc_core.engine import Engine
from aigc_core.footprint import footprint
from aigc_core.hub.weights import fetch_parts
from aigc_core.tasks import Request
from aigc_core.tasks.pictures import TextToImage
from aigc_core.tasks.text import ContinueText
from benchmarks.measure import Series, Target, interleaved, report, table
from benchmarks.stage import Stage, stage

MODELS = ("qwen3", "stable-diffusion")
RATIO, STEP, SWITCH, ESTIMATE = Target(1.03), Target(2.0), Target(5.0), Target(5.0)
CROWD = 32
TEXT = ContinueText.ask(prompt="Once upon a time", tokens=64, temperature=0)
PICTURE = TextToImage.ask(prompt="a red seven", steps=8, width=64, height=64)

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loader", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="pairs of each comparison")
    options = parser.parse_args(arguments)
    with report("loader"), stage(*MODELS) as house:
        for measure in (overhead, switching, crowd, estimates):
            head, rows = measure(house, options.rounds)
            print(table(head, rows), end="\n\n", flush=True)
    return 0


def overhead(house: Stage, rounds: int) -> Table:
    """Our path against the library's own call on the same loaded model."""
    engine = house.engine()
    rows: list[tuple[str, ...]] = []
    asked: list[tuple[str, Request, int, Callable[[Any], object]]] = [
        ("qwen3", TEXT, TEXT.tokens, written),
        ("stable-diffusion", PICTURE, PICTURE.steps, drawn),
    ]
    for model, request, steps, library in asked:
        (made,) = engine.result(request, model=model).artifacts
        with engine.loader.lease(model) as loaded:
            bare = partial(library, loaded)
        if not np.array_equal(content(made.media), content(bare())):
            raise RuntimeError(f"{model}: ours is not what the library makes")
        ours, theirs = interleaved(
            rounds,
            partial(cpu_seconds, partial(engine.result, request, model=model)),
            partial(cpu_seconds, bare),
        )
        ratio, more = ours.over(theirs), 1000 * ours.minus(theirs).median / steps
        met = RATIO.met(ratio.median) or STEP.met(more)
        rows.append(
            (
                model,
                ours.show(1000, 1),
                theirs.show(1000, 1),
                interval(ratio),
                f"{more:+.2f}",
                f"<= {RATIO.limit} or <= {STEP.limit:g} ms {'met' if met else 'MISSED'}",
            )
        )
    engine.loader.close()
    return ("run", "ours, CPU ms", "library, CPU ms", "ratio", "more a step, ms", "target"), rows


def written(loaded: Any) -> str:
    """The text as transformers writes it."""
    inputs = loaded.tokenizer(TEXT.prompt, return_tensors="pt")
    made = loaded.network.generate(**inputs, max_new_tokens=TEXT.tokens, do_sample=False)
    start = inputs["input_ids"].shape[1]
    whole = loaded.tokenizer.decode(made[0], skip_special_tokens=True)
    return str(whole)[len(loaded.tokenizer.decode(made[0][:start], skip_special_tokens=True)) :]


def drawn(loaded: Any) -> Any:
    """The picture as diffusers draws it."""
    import torch

    made = loaded.pipe(
        prompt=[PICTURE.prompt],
        num_inference_steps=PICTURE.steps,
        guidance_scale=PICTURE.guidance,
        width=PICTURE.width,
        height=PICTURE.height,
        generator=[torch.Generator().manual_seed(PICTURE.seed)],
    )
    return np.asarray(made.images[0].convert("RGB"))


def content(media: Any) -> Any:
    """A medium as plain values, to compare."""
    return getattr(media, "text", getattr(media, "pixels", media))


def switching(house: Stage, rounds: int) -> Table:
    """From the end of one model's lease to another's being ready, both in memory."""
    engine = house.engine()
    for model in MODELS:
        engine.loader.pin(model)

    def switch(turn: int) -> float:
        with engine.loader.lease(MODELS[turn % 2]):
            pass
        start = time.perf_counter()
        with engine.loader.lease(MODELS[(turn + 1) % 2]):
            return time.perf_counter() - start

    taken = Series(tuple(switch(turn) for turn in range(10 * rounds)))
    engine.loader.close()
    row: tuple[str, ...] = (
        taken.show(1000, 3),
        f"{1000 * taken.percentile(0.95):.3f}",
        SWITCH.show(1000 * taken.median, " ms"),
    )
    return ("switch between two in memory, ms", "p95", "target"), [row]


def crowd(house: Stage, rounds: int) -> Table:
    """Many threads that ask for the same model at once."""
    builds, first = [], []
    for _ in range(min(rounds, 10)):
        engine = house.engine()
        together = threading.Barrier(CROWD)

        def ask(engine: Engine = engine, together: threading.Barrier = together) -> None:
            together.wait()
            with engine.loader.lease("qwen3"):
                pass

        threads = [threading.Thread(target=ask) for _ in range(CROWD)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first.append(time.perf_counter() - start)
        builds.append(engine.loader.status().counts.loads)
        engine.loader.close()
    row: tuple[str, ...] = (
        str(CROWD),
        f"{min(builds)}..{max(builds)}",
        Series(tuple(first)).show(1000, 0),
        Target(1).show(max(builds)),
    )
    return ("threads at once", "builds", "all served, ms", "target"), [row]


def estimates(house: Stage, rounds: int) -> Table:  # noqa: ARG001
    """Bytes foreseen from the headers, over the network and on the disk, and those loaded."""
    engine = house.engine()
    rows: list[tuple[str, ...]] = []
    for model in MODELS:
        far = footprint(fetch_parts(house.entries[model].source), "float32").device
        with engine.loader.lease(model) as loaded:
            real = sum(t.numel() * t.element_size() for t in tensors(loaded))
        (state,) = (state for state in engine.loader.state() if state.id == model)
        worst = max(abs(found / real - 1) for found in (far, state.bytes))
        rows.append(
            (
                model,
                f"{far:,}",
                f"{state.bytes:,}",
                f"{real:,}",
                ESTIMATE.show(100 * worst, " %"),
            )
        )
    engine.loader.close()
    return ("model", "headers on the hub", "on the disk", "loaded", "target"), rows


def tensors(loaded: Any) -> list[Any]:
    """All weights and buffers that a loaded model holds and its files keep."""
    networks = (
        [part for part in loaded.pipe.components.values() if hasattr(part, "state_dict")]
        if hasattr(loaded, "pipe")
        else [loaded.network]
    )
    held = {t.data_ptr(): t for network in networks for t in network.state_dict().values()}
    return list(held.values())


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process, of all its threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def interval(series: Series) -> str:
    """The median, and where 95 % of the medians of resamples lie."""
    values = np.array(series.values)
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(values, (2000, len(values))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return f"{series.median:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    sys.exit(main())
