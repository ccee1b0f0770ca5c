"""A model that takes its time, to be stopped, crowded and watched."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from aigc_core.events import FamilyEvent, Finished, Output, Progress
from aigc_core.footprint import Part, Rung
from aigc_core.hub.transfer import Report
from aigc_core.media import Image
from aigc_core.placement import Placement
from aigc_core.tasks.image import SampleImages, TraceImage
from aigc_core.text import Text


@dataclass
class Slow:
    """A model that takes its time; a loadable and what it loads.

    Args:
        seconds: of a step.
        steps: of a run.
        work: what a step does beside taking time; it gets the number of the step.
    """

    id: str
    seconds: float = 0.02
    steps: int = 500
    work: Callable[[int], None] = lambda step: None
    placement: Placement | None = None
    taken: list[float] = field(default_factory=list)
    shared: bool = True
    rungs: tuple[Rung, ...] = ("full",)

    @property
    def key(self) -> str:
        return self.id

    def here(self) -> bool:
        return True

    def fetch(self, report: Report) -> None:
        raise AssertionError("it is here")

    def parts(self) -> tuple[Part, ...]:
        return (Part("", 250),)

    def activation_bytes(self) -> int:
        return 0

    def load(self, placement: Placement, step: Callable[[], None]) -> "Slow":
        self.placement = placement
        return self

    def close(self) -> None:
        pass


def answer(model: Slow, request: SampleImages | TraceImage) -> Iterator[FamilyEvent]:
    for step in range(model.steps):
        model.work(step)
        time.sleep(model.seconds)
        model.taken.append(time.monotonic())
        yield Progress(step + 1, model.steps, Text("working", "进行中"))
    details = {"layer": "all", "shape": [1, 28, 28], "shown": 1, "label": "0"}
    caption = Text("all at once", "一次完成")
    made = Output(Image(np.zeros((28, 28), np.uint8)), request.seed, details, caption=caption)
    yield Finished((made,))
