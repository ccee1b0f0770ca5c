"""What a picture costs under a VAE: bounds on its negative log likelihood, in nats."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aigc_core.data.mnist import Digits
from aigc_core.metrics.card import Figure, plain
from aigc_core.metrics.evaluate import to_unit
from aigc_core.metrics.neighbours import QUANTILES
from aigc_core.models.protocols import Autoencoder
from aigc_core.tasks.latent import IW_SAMPLES

PART = 500


def likelihood_figures(
    network: Autoencoder, digits: Digits, weights: str, *, samples: int = IW_SAMPLES, seed: int = 0
) -> Iterator[Figure]:
    """Negative ELBO, its two terms, and the importance-weighted bound (Burda et al. 2016).

    Each digit is drawn once as black and white, a pixel of grey g being white with probability g
    (Salakhutdinov & Murray 2008): figures for grey or thresholded pixels do not compare. A network
    that knows classes is told that of each digit, so that its bounds are on log p(x | class), and
    do not compare with those on log p(x).

    Args:
        network: in eval mode on the CPU.
        digits: that it was not trained on.
        weights: their digest.
        samples: of z in the importance-weighted bound; the ELBO takes one.
        seed: of the drawing and of z.
    """
    distortion, rate, tight = bounds(network, digits, samples, seed)
    protocol = {
        "n": len(digits),
        "binarisation": "dynamic",
        **({"given": "class"} if network.class_counts else {}),
        "seed": seed,
        "weights": weights,
    }
    for name, values, k in (
        ("elbo_nll", distortion + rate, 1),
        ("distortion", distortion, 1),
        ("rate", rate, 1),
        ("iw_nll", tight, samples),
    ):
        yield Figure(
            name,
            plain(values.mean()),
            args={**protocol, "samples": k, **spread(values)},
            split="test",
        )


def bounds(
    network: Autoencoder, digits: Digits, samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distortion, rate and negative importance-weighted bound of each digit (n,) in nats."""
    rng = torch.Generator().manual_seed(seed)
    columns: tuple[list[Tensor], ...] = ([], [], [])
    for start in range(0, len(digits), PART):
        grey = torch.from_numpy(to_unit(digits.images[start : start + PART]))
        y = torch.from_numpy(digits.labels[start : start + PART])
        x = torch.bernoulli(grey, generator=rng)
        with torch.inference_mode():
            found = (*network.bounds(x, y, rng), -network.log_likelihood(x, y, samples, rng))
        for column, values in zip(columns, found, strict=True):
            column.append(values)
    distortion, rate, tight = (torch.cat(column).double().numpy() for column in columns)
    return distortion, rate, tight


def spread(values: np.ndarray) -> dict[str, Any]:
    """The standard error of a mean, and quantiles."""
    return {
        "error": plain(values.std(ddof=1) / len(values) ** 0.5),
        "quantiles": plain(np.quantile(values, QUANTILES).tolist()),
        "quantiles_at": list(QUANTILES),
    }
