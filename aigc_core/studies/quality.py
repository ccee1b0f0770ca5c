"""How good is it: a model's pictures measured live, as they come or spoiled on purpose."""

import time
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Literal

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.data import mnist
from aigc_core.engine import Engine
from aigc_core.events import Progress
from aigc_core.gate import PROCESS
from aigc_core.media import to_bytes
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.perturbations import LADDER, UNTOUCHED, Perturbation
from aigc_core.samples import draws
from aigc_core.studies.floors import Floor, Values, floors, reference, unseen
from aigc_core.tasks.image import SampleImages
from aigc_core.tasks.study import MeasureQuality
from aigc_core.text import Text

if TYPE_CHECKING:
    from aigc_core.metrics.judge import Judgement

Verdict = Literal["noticed", "missed", "misled"]

BATCH = 250
# Standard deviations of the floor from which a change is no chance.
CLEAR = 3.0
# Samples that are kept, and pictures of each that are shown.
KEPT, SHOWN = 12, 20

JUDGING = Text("showing them to the judge", "正在交给评判网络")
SCORING = Text("comparing with the training digits", "正在与训练数字比较")
SEARCHING = Text("searching the training digits", "正在训练数字中查找")


@dataclass
class Sample:
    """Pictures of a model, and all that was found out about them so far.

    Args:
        images: (n, 28, 28) uint8.
        labels: (n,) the classes that were asked for; -1 of a model that knows none.
    """

    images: np.ndarray
    labels: np.ndarray
    judgement: "Judgement | None" = None
    values: Values = field(default_factory=dict)
    nearness: Values = field(default_factory=dict)

    @property
    def unit(self) -> np.ndarray:
        """The pictures as float32 in 0..1."""
        return self.images.astype(np.float32) / 255


@dataclass(frozen=True)
class Measured:
    """The answer.

    Args:
        model: its id.
        count: of the pictures that were judged; fewer where a digit was dropped.
        before: the figures of the pictures as they came.
        after: the same after the damage; equal without one.
        floors: what real digits score at this size.
        pictures: the first of the pictures that were judged, (20, 28, 28) uint8.
        seconds: it took, what was known already left out.
    """

    model: str
    request: MeasureQuality
    count: int
    before: Values
    after: Values
    floors: dict[str, Floor]
    pictures: np.ndarray
    seconds: float

    def verdict(self, name: str) -> Verdict | None:
        """What a figure made of the damage; None where there was none, or no side is better.

        It noticed it when it got clearly worse, and was misled when it got clearly better.
        """
        better = METRICS[name].better
        if self.request.damage == "none" or better == "neither":
            return None
        before, after, floor = self.before[name], self.after[name], self.floors[name]
        if abs(after - before) <= CLEAR * floor.deviation:
            return "missed"
        match better:
            case "lower":
                worse = after > before
            case "higher":
                worse = after < before
            case "real":
                worse = abs(after - floor.value) > abs(before - floor.value)
        return "noticed" if worse else "misled"


class Kept:
    """The last few samples, for all visitors."""

    def __init__(self, limit: int = KEPT) -> None:
        self.limit = limit
        self.samples: OrderedDict[tuple[str, str, int, int], Sample] = OrderedDict()
        self.lock = Lock()

    def get(self, entry: Entry, count: int, seed: int) -> Sample | None:
        key = (entry.id, entry.revision, count, seed)
        with self.lock:
            if key in self.samples:
                self.samples.move_to_end(key)
            return self.samples.get(key)

    def put(self, entry: Entry, seed: int, sample: Sample) -> None:
        with self.lock:
            self.samples[entry.id, entry.revision, len(sample.labels), seed] = sample
            while len(self.samples) > self.limit:
                self.samples.popitem(last=False)


SAMPLES = Kept()


def measure(
    request: MeasureQuality, *, model: str | None = None, engine: Engine
) -> Generator[Progress | Measured, None, None]:
    """Draws the pictures, damages them, and measures both beside real digits.

    Args:
        model: an id of the catalog, real digits included; by default the first model.

    Raises:
        AigcError: as `Engine.run`; or the judge, its reference or a dataset that is needed is
            missing or not the right one.
    """
    start = time.perf_counter()
    entry = engine.models(SampleImages)[0] if model is None else engine.catalog.find(model)
    sample = yield from drawn(entry, request.count, request.seed, engine)
    yield from scored(sample)
    spoiled = yield from damaged(sample, damage_of(request))
    if request.nearest:
        for each in (sample, spoiled):
            yield from searched(each)
    found = yield from floors(request.count)
    yield Measured(
        entry.id,
        request,
        len(spoiled.labels),
        sample.values | (sample.nearness if request.nearest else {}),
        spoiled.values | (spoiled.nearness if request.nearest else {}),
        found,
        spoiled.images[:SHOWN],
        time.perf_counter() - start,
    )


def damage_of(request: MeasureQuality) -> Perturbation:
    """The perturbation of a request's damage."""
    return next((step for step in LADDER if step.id == request.damage), UNTOUCHED)


def drawn(entry: Entry, count: int, seed: int, engine: Engine) -> Generator[Progress, None, Sample]:
    """The sample of these seeds; the last few are kept."""
    if (known := SAMPLES.get(entry, count, seed)) is not None:
        return known
    images, labels = yield from draws(entry.id, count, seed, engine=engine)
    sample = Sample(to_bytes(images), labels)
    SAMPLES.put(entry, seed, sample)
    return sample


def scored(sample: Sample) -> Generator[Progress, None, None]:
    """Fills in the sample's judgement and figures."""
    if sample.values:
        return
    sample.judgement = yield from judged(sample.unit)
    yield from compared(sample, sample.judgement)


def judged(images: np.ndarray) -> Generator[Progress, None, "Judgement"]:
    """What the judge makes of pictures (n, 28, 28) in 0..1."""
    from aigc_core.metrics.judge import Judgement, frozen_judge, judge

    if not frozen_judge.cache_info().currsize:
        with PROCESS.building():
            frozen_judge()
    parts = []
    for first in range(0, len(images), BATCH):
        yield Progress(first, len(images), JUDGING)
        with PROCESS.step():
            parts.append(judge(images[first : first + BATCH]))
    features, logits = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Judgement(features, logits)


def compared(sample: Sample, judgement: "Judgement") -> Generator[Progress, None, None]:
    """Fills in the sample's figures."""
    from aigc_core.metrics.scores import each_score

    yield Progress(0, 0, SCORING)
    values: Values = {}
    for name, score in each_score(judgement, sample.labels, reference()):
        values[name] = score.value
        yield Progress(0, 0, SCORING)
    sample.values = values


def damaged(sample: Sample, step: Perturbation) -> Generator[Progress, None, Sample]:
    """The sample after a perturbation, measured."""
    if step is UNTOUCHED:
        return sample
    assert sample.judgement is not None
    known = (sample.labels >= 0).all()
    # What a model that knows no classes drew, only the judge can say.
    read = sample.labels if known else sample.judgement.logits.argmax(axis=1)
    images, labels = step.apply(sample.unit, read)
    # Not rounded to levels: the metrics' own ladder is not either.
    judgement = yield from judged(images)
    spoiled = Sample(to_bytes(images), labels if known else np.full(len(labels), -1))
    yield from compared(spoiled, judgement)
    return spoiled


def searched(sample: Sample) -> Generator[Progress, None, None]:
    """Fills in how near the pictures lie to training digits.

    Raises:
        DatasetMissing: the training digits are not on the disk and not to be had.
    """
    from aigc_core.metrics.neighbours import nearest, share_closer

    if sample.nearness:
        return
    yield Progress(0, len(sample.images), SEARCHING)
    known = mnist.load_mnist("train").images.astype(np.float32) / 255
    parts = []
    for first in range(0, len(sample.images), BATCH):
        yield Progress(first, len(sample.images), SEARCHING)
        parts.append(nearest(sample.unit[first : first + BATCH], known).distance)
    distances = np.concatenate(parts)
    real = unseen().draws(len(distances), reference().prior)[0].pixel_distance
    sample.nearness = {
        "pixel_distance": float(np.median(distances)),
        "pixel_closer": share_closer(distances, real),
    }
