"""Many samples of one model, for metrics and the command line: runs of the engine in a row."""

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.errors import InvalidRequest
from aigc_core.events import Progress, Result
from aigc_core.media import pixels
from aigc_core.tasks.image import MAX_COUNT, SampleImages
from aigc_core.text import Text

if TYPE_CHECKING:
    from aigc_core.engine import Engine


def sample(
    model: str,
    count: int,
    seed: int,
    label: str = "any",
    *,
    truncation: float = 1.0,
    engine: "Engine | None" = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (count, h, w) float32 in 0..1 and their classes (count,) int64, or -1.

    Picture i is the one of seed + i, however the runs are cut. Values are multiples of 1/255, as
    in the files that the suite saves. The classes of a model that knows none are -1.

    Raises:
        AigcError: as `Engine.run`, or a setting is out of bounds.
    """
    from aigc_core.engine import Engine

    engine = engine or Engine.default(batching=False)
    drawing = draws(model, count, seed, label, truncation=truncation, engine=engine)
    try:
        while True:
            next(drawing)
    except StopIteration as end:
        made: tuple[np.ndarray, np.ndarray] = end.value
        return made


def draws(
    model: str,
    count: int,
    seed: int,
    label: str = "any",
    *,
    truncation: float = 1.0,
    engine: "Engine",
) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray]]:
    """The same as a generator: it tells how far it is and returns what `sample` does.

    Closing it ends the drawing within one step.
    """
    if count < 1:
        raise InvalidRequest(
            Text(
                "The number of pictures must be at least 1, not {count}.",
                "图片数量至少为 1，而不是 {count}。",
            ),
            count=count,
        )
    whole = SampleImages.ask(label=label, seed=seed, truncation=truncation)
    images, labels = [], []
    for first in range(0, count, MAX_COUNT):
        part = {"count": min(MAX_COUNT, count - first), "seed": whole.seed_of(first)}
        request = whole.model_copy(update=part)
        with closing(engine.run(request, model=model, priority="batch")) as events:
            for event in events:
                match event:
                    case Progress(step, total, note):
                        yield Progress(first + step, count if total else 0, note)
                    case Result(artifacts):
                        images += [pixels(artifact.media) for artifact in artifacts]
                        labels += [int(a.record.details.get("label", -1)) for a in artifacts]
    return np.stack(images).astype(np.float32) / 255, np.array(labels, np.int64)
