"""Autoencoders with a latent of two numbers, which can be looked at as a map."""

from collections.abc import Generator

import numpy as np

from aigc_core.events import FamilyEvent, Finished, Output
from aigc_core.families import Answer, autoencoder
from aigc_core.families.image_sampler import LoadedSampler, classes, drawn, load
from aigc_core.media import Animation, Image, sheet
from aigc_core.tasks.base import Request
from aigc_core.tasks.latent import DecodeLatent, MapLatent, WalkLatent

__all__ = ["ANSWERS", "load"]

Points = list[tuple[float, float]]


def decode(model: LoadedSampler, request: DecodeLatent) -> Generator[FamilyEvent, None, None]:
    """The picture at one point."""
    images = yield from at(model, [(request.x, request.y)], columns=1)
    yield Finished((Output(Image(images[0]), seed=0, tolerance=model.tolerance),))


def draw_map(model: LoadedSampler, request: MapLatent) -> Generator[FamilyEvent, None, None]:
    """The pictures in the middle of each cell of a grid, x to the right and y upwards."""
    n, reach = request.columns, request.reach
    middles = (2 * np.arange(n) + 1 - n) * reach / n
    points = [(x, -y) for y in middles.tolist() for x in middles.tolist()]
    images = yield from at(model, points, columns=n)
    yield Finished((Output(sheet(images, columns=n), seed=0, tolerance=model.tolerance),))


def walk(model: LoadedSampler, request: WalkLatent) -> Generator[FamilyEvent, None, None]:
    """The pictures along a straight line, as an animation."""
    xs = np.linspace(request.x, request.x_to, request.steps).tolist()
    ys = np.linspace(request.y, request.y_to, request.steps).tolist()
    images = yield from at(model, list(zip(xs, ys, strict=True)), columns=request.steps)
    yield Finished((Output(Animation(images), seed=0, tolerance=model.tolerance),))


def at(
    model: LoadedSampler, points: Points, columns: int
) -> Generator[FamilyEvent, None, np.ndarray]:
    """Pictures (n, h, w) uint8 at points of the map."""
    import torch

    return (yield from drawn(model, torch.tensor(points), classes([0] * len(points)), columns))


ANSWERS: dict[type[Request], Answer] = {
    **autoencoder.ANSWERS,
    DecodeLatent: decode,
    MapLatent: draw_map,
    WalkLatent: walk,
}
