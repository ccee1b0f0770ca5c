"""Networks that also know the way back, from a picture to its latent: VAEs."""

from collections.abc import Generator
from typing import TYPE_CHECKING, cast

import numpy as np

from aigc_core.data.mnist import Digits, load_mnist
from aigc_core.digits import unpack
from aigc_core.events import FamilyEvent, Finished, Output, Progress
from aigc_core.families import Answer, image_sampler
from aigc_core.families.image_sampler import LoadedSampler, classes, drawn, load
from aigc_core.media import Image, to_bytes
from aigc_core.tasks.base import Request
from aigc_core.tasks.latent import IW_SAMPLES, EncodeImage, FindNeighbours, VaryImage
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.models.protocols import Autoencoder

__all__ = ["ANSWERS", "load"]

# Black-and-white drawings of one picture that its bounds are averaged over.
DRAWINGS = 16
PART = 2000

Events = Generator[FamilyEvent, None, None]

READING = Text("reading", "正在读取")
SEARCHING = Text("reading the training digits", "正在读取训练数字")


def encode(model: LoadedSampler, request: EncodeImage) -> Events:
    """The picture as it was given, and what comes back of it, with the bounds of its likelihood.

    Each grey pixel is the probability of a white one (Salakhutdinov & Murray 2008), as in
    training, so the bounds are means over several black-and-white drawings.
    """
    yield Progress(0, 1, READING)
    x = image_of(request.picture)
    back, details = read(model, x, int(request.label), request.seed)
    yield Finished(
        (
            Output(Image(to_bytes(x.numpy())), request.seed, {"role": "picture"}),
            Output(Image(back), request.seed, {"role": "reconstruction", **details}),
        )
    )


def read(
    model: LoadedSampler, x: "Tensor", label: int, seed: int
) -> tuple[np.ndarray, dict[str, object]]:
    """The reconstruction (h, w) uint8 of a picture (h, w) in 0..1, and its figures in nats."""
    import torch

    network = autoencoder(model)
    device = model.placement.device
    rng = torch.Generator().manual_seed(seed)
    drawings = torch.bernoulli(x.expand(DRAWINGS, *x.shape), generator=rng).to(device)
    on_device = torch.Generator(device).manual_seed(seed)
    with model.placement.gate.step(), torch.inference_mode():
        y = classes([label]).to(device)
        ys = y.expand(DRAWINGS)
        mean, log_variance = network.encode(x.unsqueeze(0).to(device), y)
        distortion, rate = network.bounds(drawings, ys, on_device)
        likelihood = network.log_likelihood(drawings, ys, IW_SAMPLES, on_device)
        back = network.sample(mean, y)[0].float().cpu().numpy()
        figures = {
            "distortion": round(float(distortion.mean()), 3),
            "rate": round(float(rate.mean()), 3),
            "log_likelihood": round(float(likelihood.mean()), 3),
            "mean": rounded(mean[0]),
            "deviation": rounded((log_variance[0] / 2).exp()),
        }
    return to_bytes(back), figures


def vary(model: LoadedSampler, request: VaryImage) -> Events:
    """Rows of pictures at growing distance from the latent of a given one.

    With the picture's latent m and noise e as samples are drawn from, the latent at distance d is
    sqrt(1 - d²) m + d e: at 1 it is that of a sample, and everywhere about as long as latents are.
    A column keeps its noise.
    """
    import torch

    seeds = [request.seed_of(column) for column in range(request.columns)]
    y = classes([int(request.label)])
    mean = means(model, image_of(request.picture).unsqueeze(0), y)
    noise = image_sampler.noise(model, seeds)
    distances = [request.distance * (row + 1) / request.rows for row in range(request.rows)]
    z = torch.cat([(1 - d * d) ** 0.5 * mean + d * noise for d in distances])
    images = yield from drawn(model, z, y.expand(len(z)), request.columns)
    places = [(d, seed) for d in distances for seed in seeds]
    yield Finished(
        tuple(
            Output(
                Image(image),
                seed,
                {"index": place, "distance": round(distance, 4)},
                tolerance=model.tolerance,
            )
            for place, (image, (distance, seed)) in enumerate(zip(images, places, strict=True))
        )
    )


def neighbours(model: LoadedSampler, request: FindNeighbours) -> Events:
    """The training pictures nearest in latent space, nearest first.

    Raises:
        AigcError: the dataset is not here and cannot be had.
    """
    digits, known = yield from training(model)
    x = image_of(request.picture).unsqueeze(0)
    mean = means(model, x, classes([int(request.label)]))
    distances = (known - mean).norm(dim=1)
    nearest = distances.argsort()[: request.count].tolist()
    yield Finished(
        tuple(
            Output(
                Image(digits.images[row]),
                seed=0,
                details={
                    "index": place,
                    "row": row,
                    "label": str(digits.labels[row]),
                    "distance": round(float(distances[row]), 4),
                },
            )
            for place, row in enumerate(nearest)
        )
    )


def training(
    model: LoadedSampler,
) -> Generator[FamilyEvent, None, tuple[Digits, "Tensor"]]:
    """The training digits, and the means (n, latent_dim) of their latents.

    Both are kept with the loaded model.
    """
    import torch

    if "training" not in model.kept:
        yield Progress(0, 0, SEARCHING)
        digits, parts = load_mnist("train"), []
        for start in range(0, len(digits), PART):
            yield Progress(start, len(digits), SEARCHING)
            x = torch.from_numpy(digits.images[start : start + PART]).float() / 255
            y = torch.from_numpy(digits.labels[start : start + PART])
            parts.append(means(model, x, y))
        model.kept["training"] = digits, torch.cat(parts)
    return cast("tuple[Digits, Tensor]", model.kept["training"])


def means(model: LoadedSampler, x: "Tensor", y: "Tensor") -> "Tensor":
    """The means (n, latent_dim) of the latents of pictures (n, 28, 28), on the CPU."""
    import torch

    device = model.placement.device
    with model.placement.gate.step(), torch.inference_mode():
        return autoencoder(model).encode(x.to(device), y.to(device))[0].float().cpu()


def autoencoder(model: LoadedSampler) -> "Autoencoder":
    return cast("Autoencoder", model.network)


def image_of(picture: str) -> "Tensor":
    """A request's picture as (28, 28) in 0..1."""
    import torch

    return torch.from_numpy(unpack(picture).astype(np.float32) / 255)


def rounded(values: "Tensor") -> list[float]:
    return [round(value, 4) for value in values.tolist()]


ANSWERS: dict[type[Request], Answer] = {
    **image_sampler.ANSWERS,
    EncodeImage: encode,
    VaryImage: vary,
    FindNeighbours: neighbours,
}
