"""`python -m benchmarks.overhead`: what the engine adds to the network.

`Engine.run` on a warm model, from the request to the result with its records, against the bare
call on the same latents: `network.sample` and the step to uint8. The two run in turn, and the
difference is taken pair by pair. Latents, leases, events, previews and records are the engine's.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Result
from aigc_core.families.image_sampler import LoadedSampler, classes, label_of, noise
from aigc_core.media import pixels, to_bytes
from aigc_core.tasks.image import SampleImages
from benchmarks.measure import Target, default_model, interleaved, report, table, timed

COUNTS = (1, 16, 100)
DIFFERENCE = Target(15.0)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--model", help="default: the one that answers where none is chosen")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args(arguments)
    try:
        with report("overhead"):
            model = options.model or default_model()
            head = (
                "batching",
                "digits",
                "engine, ms",
                "bare network, ms",
                "difference, ms",
                "target",
            )
            rows = [
                row
                for batching in (True, False)
                for row in compare(model, batching, options.rounds)
            ]
            print(table(head, rows))
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


def compare(model: str, batching: bool, rounds: int) -> list[tuple[str, ...]]:
    """A row for each number of digits."""
    engine = Engine.default(batching=batching)
    rows: list[tuple[str, ...]] = []
    try:
        with engine.loader.lease(model) as loaded:
            for count in COUNTS:
                request = SampleImages(count=count)
                bare = bare_call(loaded, request)
                run = partial(engine.result, request, model=model)
                check(run(), bare())
                ours, theirs = interleaved(rounds, partial(timed, run), partial(timed, bare))
                difference = ours.minus(theirs)
                rows.append(
                    (
                        "on" if batching else "off",
                        str(count),
                        ours.show(1000),
                        theirs.show(1000),
                        difference.show(1000),
                        DIFFERENCE.show(1000 * difference.median, " ms"),
                    )
                )
    finally:
        engine.loader.close()
    return rows


def bare_call(loaded: LoadedSampler, request: SampleImages) -> Callable[[], np.ndarray]:
    """The network alone, on the latents of a request."""
    seeds = [request.seed + place for place in range(request.count)]
    counts = loaded.network.class_counts
    labels = [label_of(request.label, place, seed, counts) for place, seed in enumerate(seeds)]
    device = loaded.placement.device
    z, y = noise(loaded, seeds).to(device), classes(labels).to(device)

    @torch.inference_mode()
    def call() -> np.ndarray:
        return to_bytes(loaded.network.sample(z, y).float().cpu().numpy())

    return call


def check(result: Result, bare: np.ndarray) -> None:
    """Both ways make the same pictures; batches of other sizes may round by a level."""
    made = np.stack([pixels(artifact.media) for artifact in result.artifacts])
    assert np.abs(made.astype(int) - bare).max() <= 1


if __name__ == "__main__":
    sys.exit(main())
