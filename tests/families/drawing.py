"""Pictures from stand-ins of pipelines, small and in few steps."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.events import Finished, Output
from aigc_core.families.text_to_image import LoadedPipeline, text_to_image
from aigc_core.footprint import Rung
from aigc_core.gate import Gate
from aigc_core.media import pixels
from aigc_core.placement import Placement
from aigc_core.tasks import TextToImage

Downloaded = Callable[[str], Entry]
NAMES = ("stable-diffusion", "sdxl", "flux")
ASKED = TextToImage.ask(
    prompt="the lighthouse",
    negative="fog",
    steps=3,
    guidance=5.0,
    width=64,
    height=64,
    count=3,
    seed=2**31 - 2,
)
ONE = ASKED.model_copy(update={"count": 1})


def placement(rung: Rung = "full", **changes: Any) -> Placement:
    return replace(Placement("cpu", "float32", Gate(), batching=True, rung=rung), **changes)


def run(model: LoadedPipeline, request: TextToImage) -> tuple[Output, ...]:
    (*_, last) = text_to_image(model, request)
    assert isinstance(last, Finished)
    return last.outputs


def drawn(model: LoadedPipeline, request: TextToImage) -> np.ndarray:
    return np.stack([pixels(output.media) for output in run(model, request)])


def apart(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference in levels."""
    return int(np.abs(a.astype(int) - b.astype(int)).max())
