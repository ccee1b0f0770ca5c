"""Where the test digits lie on the map of a model with a latent of two numbers.

`python -m aigc_core.metrics.places MODEL` reads them once and writes `places.safetensors` beside
the weights, so that a page shows them without the dataset and without PyTorch. No picture is in
the file.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.errors import AigcError, InvalidRequest
from aigc_core.metrics.training_history import CLASSES
from aigc_core.text import LANGUAGES, Text

if TYPE_CHECKING:
    from aigc_core.data.mnist import Digits
    from aigc_core.models.protocols import Autoencoder

PLACES = "places.safetensors"
KEY = "weights"
PART = 1000


@dataclass(frozen=True)
class Places:
    """Points of the map, and what is written there.

    Args:
        points: (n, 2) float16, the means of the latents, in standard deviations of the prior.
        labels: (n,) uint8, the digits' classes.
    """

    points: np.ndarray
    labels: np.ndarray


def write_places(folder: Path, places: Places) -> Path:
    """Writes places into a checkpoint's folder, marked with its weights."""
    path = folder / PLACES
    tensors = {"points": places.points, "labels": places.labels}
    path.write_bytes(save(tensors, metadata={KEY: digest(folder / WEIGHTS)}))
    return path


def read_places(folder: Path) -> Places | None:
    """The places in a checkpoint's folder; None where there are none for its weights."""
    try:
        states = [(folder / name).stat() for name in (PLACES, WEIGHTS)]
    except OSError:
        return None
    return known(folder, *((state.st_mtime_ns, state.st_size) for state in states))


@lru_cache(maxsize=16)
def known(folder: Path, *_states: tuple[int, int]) -> Places | None:
    """The places in files of these times and sizes: weights are long to digest."""
    try:
        with safe_open(folder / PLACES, framework="numpy") as file:
            if (file.metadata() or {}).get(KEY) != digest(folder / WEIGHTS):
                return None
            places = Places(file.get_tensor("points"), file.get_tensor("labels"))
    except (SafetensorError, OSError):
        return None
    n = len(places.labels)
    fits = places.points.shape == (n, 2) and places.labels.shape == (n,)
    good = fits and np.isfinite(places.points).all() and (places.labels < CLASSES).all()
    return places if good else None


def find_places(network: "Autoencoder", digits: "Digits") -> Places:
    """Reads digits with a network in eval mode, on whatever device it is."""
    points = np.concatenate(list(means(network, digits)))
    return Places(points.astype(np.float16), digits.labels.astype(np.uint8))


def means(network: "Autoencoder", digits: "Digits") -> Iterator[np.ndarray]:
    """The means (part, latent_dim) of the digits' latents, part by part."""
    import torch

    device = next(network.parameters()).device  # type: ignore[attr-defined]
    for start in range(0, len(digits), PART):
        x = torch.from_numpy(digits.images[start : start + PART]).float() / 255
        y = torch.from_numpy(digits.labels[start : start + PART])
        with torch.inference_mode():
            mean, _ = network.encode(x.to(device), y.to(device))
        yield mean.float().cpu().numpy()


def main(arguments: list[str] | None = None) -> int:
    """0 when the file is written, 2 with a sentence when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m aigc_core.metrics.places", description=__doc__)
    parser.add_argument("model", help="of the catalog")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="of what is printed")
    options = parser.parse_args(arguments)
    try:
        print(write_model_places(options.model))
    except AigcError as error:
        print(error.text.say(options.lang), file=sys.stderr)
        return 2
    return 0


def write_model_places(model: str) -> Path:
    """Writes the test digits' places into the folder of a model of the catalog.

    Raises:
        AigcError: there is no such model, its latent is no point of a map, or there are no digits.
    """
    from aigc_core.data.mnist import load_mnist
    from aigc_core.engine import Engine
    from aigc_core.tasks import DecodeLatent

    engine = Engine.default(batching=False)
    entry = engine.catalog.find(model)
    if not entry.answers(DecodeLatent):
        raise InvalidRequest(Text("{model} has no map.", "{model} 没有地图。"), model=entry.name)
    digits = load_mnist("test")
    with engine.loader.lease(model) as loaded:
        places = find_places(loaded.network, digits)
    return write_places(entry.folder, places)


if __name__ == "__main__":
    sys.exit(main())
