"""Networks that map noise, and a class, to a picture in one pass: GANs, VAE decoders."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.checkpoint import load_network
from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.batched import Batched
from aigc_core.media import Animation, Image, sheet, to_bytes
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request
from aigc_core.tasks.image import InterpolateImages, SampleImages, TraceImage
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.models.protocols import ImageSampler

MAPS = 32
GOLDEN = (sqrt(5) - 1) / 2
# Batches of other sizes round differently; on the CPU that moves a pixel by one level at most.
BATCHED_TOLERANCE = 1.0

Events = Generator[FamilyEvent, None, None]

DRAWING = Text("drawing", "正在绘制")
NO_CLASSES = Text(
    "This model does not know which digit is which, so it cannot be asked for a {label}. "
    "Choose any.",
    "此模型不区分数字类别，无法指定画 {label}。请选择“任意”。",
)


@dataclass
class LoadedSampler(Batched):
    """A network that draws pictures (n, h, w) uint8 from noise and classes."""

    CHUNK = 32

    network: "ImageSampler"
    # What is dear to compute and the same for every request.
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def tolerance(self) -> float:
        return BATCHED_TOLERANCE if self.batcher else 0.0

    def compute(self, rows: "Sequence[Tensor]") -> np.ndarray:
        z, y = (tensor.to(self.placement.device) for tensor in rows)
        return to_bytes(self.network.sample(z, y).float().cpu().numpy())


def load(entry: Entry, placement: Placement, step: Callable[[], None]) -> LoadedSampler:
    """The catalog's network, its weights read strictly, on the placement's device.

    Raises:
        ModelUnavailable: there is no such network, or its checkpoint does not fit.
    """
    made = load_network(entry.network_class, entry.folder, entry.revision)
    step()
    return LoadedSampler(made.to(placement.device), placement)


def sample(model: LoadedSampler, request: SampleImages) -> Events:
    """Pictures from noise; each `Preview` is the sheet as far as it is drawn."""
    counts = model.network.class_counts
    if not counts and request.label.isdigit():
        raise InvalidRequest(NO_CLASSES, label=request.label)
    seeds = [request.seed_of(place) for place in range(request.count)]
    labels = [label_of(request.label, place, seed, counts) for place, seed in enumerate(seeds)]
    z, y = noise(model, seeds, request.truncation), classes(labels)
    images = yield from drawn(model, z, y, request.columns)
    yield Finished(
        tuple(
            Output(
                Image(image),
                seed=seed,
                details={"index": place} | ({"label": str(label)} if counts else {}),
                tolerance=model.tolerance,
            )
            for place, (image, seed, label) in enumerate(zip(images, seeds, labels, strict=True))
        )
    )


def interpolate(model: LoadedSampler, request: InterpolateImages) -> Events:
    """A walk through latent space, as an animation."""
    start, end = noise(model, [request.seed, request.seed_to])
    z = walk(start, end, request.steps, request.path)
    y = classes([int(request.label)] * request.steps)
    images = yield from drawn(model, z, y, columns=request.steps)
    yield Finished((Output(Animation(images), seed=request.seed, tolerance=model.tolerance),))


def trace(model: LoadedSampler, request: TraceImage) -> Events:
    """The activations of each layer, as sheets of its strongest feature maps."""
    z, y = noise(model, [request.seed], request.truncation), classes([int(request.label)])
    outputs: list[Output] = []
    for name, maps, shape in stages(model, z, y):
        image = sheet(maps, columns=8, gap=1) if len(maps) > 1 else Image(maps[0])
        yield Preview(image, step=len(outputs))
        outputs.append(
            Output(
                image,
                seed=request.seed,
                details={"layer": name, "shape": shape, "shown": len(maps)},
                caption=model.network.layers[name],
            )
        )
    yield Finished(tuple(outputs))


def drawn(
    model: LoadedSampler, z: "Tensor", y: "Tensor", columns: int
) -> Generator[FamilyEvent, None, np.ndarray]:
    """Draws all rows, telling how far it is; returns the pictures (n, h, w) uint8."""
    total = len(z)
    yield Progress(0, total, DRAWING)
    parts: list[np.ndarray] = []
    done = 0
    for part in model.parts(z, y):
        parts.append(part)
        done += len(part)
        yield Progress(done, total, DRAWING)
        if done < total:
            yield Preview(sheet(np.concatenate(parts), columns), step=done)
    return np.concatenate(parts)


def stages(
    model: LoadedSampler, z: "Tensor", y: "Tensor"
) -> Iterator[tuple[str, np.ndarray, list[int]]]:
    """Each layer's name, strongest maps (n, h, w) uint8, and full shape [channels, h, w]."""
    import torch

    with model.placement.gate.step(), torch.inference_mode():
        device = model.placement.device
        layers = [
            (n, a[0].float().cpu()) for n, a in model.network.stages(z.to(device), y.to(device))
        ]
    for name, layer in layers[:-1]:
        strongest = layer.flatten(1).std(dim=1).argsort(descending=True)[:MAPS].sort().values
        maps = layer[strongest]
        low, high = maps.amin(), maps.amax()
        yield name, to_bytes(((maps - low) / (high - low + 1e-9)).numpy()), list(layer.shape)
    name, picture = layers[-1]
    yield name, to_bytes(((picture + 1) / 2).numpy()), list(picture.shape)


def noise(model: LoadedSampler, seeds: list[int], truncation: float = 1.0) -> "Tensor":
    """One row of N(0, (spread truncation)²) per seed, (n, latent_dim).

    A row depends on its seed alone; the spread is the network's.

    Shrinking z is the truncation trick with z's mean as its centre (Karras et al. 2019,
    https://arxiv.org/abs/1812.04948).
    """
    import torch

    rng = torch.Generator()
    rows = [
        torch.randn(model.network.latent_dim, generator=rng.manual_seed(seed)) for seed in seeds
    ]
    return torch.stack(rows) * (model.network.spread * truncation)


def walk(start: "Tensor", end: "Tensor", steps: int, path: str) -> "Tensor":
    """Points (steps, latent_dim) between two, both included.

    `lerp` is the straight line; its middle is shorter than noise nearly ever is. `slerp`
    (Shoemake 1985) turns the direction at an even angle, while the length goes evenly from the
    one's to the other's.
    """
    import torch

    t = torch.linspace(0, 1, steps).unsqueeze(1)
    if path == "lerp":
        return start + t * (end - start)
    cosine = torch.dot(start, end) / (start.norm() * end.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if angle < 1e-4:
        return start + t * (end - start)
    a, b = start / start.norm(), end / end.norm()
    turned = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return turned * ((1 - t) * start.norm() + t * end.norm())


def label_of(label: str, place: int, seed: int, counts: Sequence[int]) -> int:
    """The class of one picture of a request; 0 where the network knows none.

    `any` takes classes as often as the training data has them: seeds in a row, times the golden
    ratio, spread evenly over 0..1, and the counts cut that interval into classes.
    """
    if not counts:
        return 0
    if label == "each":
        return place % len(counts)
    if label == "any":
        share = (seed * GOLDEN) % 1.0
        edges = np.cumsum(counts) / np.sum(counts)
        return int(np.searchsorted(edges, share, side="right"))
    return int(label)


def classes(labels: list[int]) -> "Tensor":
    import torch

    return torch.tensor(labels)


ANSWERS: dict[type[Request], Answer] = {
    SampleImages: sample,
    InterpolateImages: interpolate,
    TraceImage: trace,
}
