"""A family that takes its time: one random picture, step by step, a fifth of a second each.

It is no model. The checks run it to see a stream arrive, a cancelled run end, and a machine die in
the middle of one. What it did stands in `runs.jsonl` in its entry's folder.
"""

import json
import os
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.media import Image
from aigc_core.placement import Placement
from aigc_core.tasks import Request, SampleImages
from aigc_core.text import Text

STEP = 0.2
SIDE = 28
NOTE = Text("taking its time", "慢慢来")


@dataclass(frozen=True)
class Patient:
    """Where it keeps its book."""

    book: Path
    placement: Placement

    def note(self, seed: int, step: int, what: str) -> None:
        """Adds a line: who did what, and when."""
        line = {"pid": os.getpid(), "seed": seed, "step": step, "what": what, "time": time.time()}
        with self.book.open("a") as book:
            book.write(json.dumps(line) + "\n")

    def close(self) -> None:
        pass


def check() -> None:
    """It needs nothing."""


def load(entry: Entry, placement: Placement, *_: object) -> Patient:
    entry.folder.mkdir(parents=True, exist_ok=True)
    return Patient(entry.folder / "runs.jsonl", placement)


def sample(model: Patient, request: SampleImages) -> Generator[FamilyEvent, None, None]:
    """As many steps as pictures were asked for; noise all the way."""
    rng = np.random.default_rng(request.seed)
    image = Image(rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8))
    done = 0
    model.note(request.seed, done, "began")
    try:
        while done < request.count:
            time.sleep(STEP)
            done += 1
            yield Progress(done, request.count, NOTE)
            yield Preview(image, done)
        yield Finished((Output(image, request.seed),))
    finally:
        model.note(request.seed, done, "ended")


ANSWERS: dict[type[Request], Answer] = {SampleImages: sample}
