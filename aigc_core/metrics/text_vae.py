"""What lines of verse cost under a text VAE, and whether its latent is used."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from aigc_core.data.tang_lines import as_numbers, as_text
from aigc_core.metrics.card import plain
from aigc_core.models.protocols import LanguageModel
from aigc_core.models.text_vae import NOTHING, TextVAE, distortion, rate
from aigc_core.verse import LENGTHS

PART = 256
# A unit whose mean varies less than this over the data tells nothing of it (Burda et al. 2016).
ACTIVE = 0.01


def text_vae_figures(
    network: TextVAE,
    lines: Sequence[str],
    *,
    plain_writer: LanguageModel | None = None,
    samples: int = 50,
    drawn: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """All figures of a text VAE, on lines that it was not trained on.

    Nats are those of whole lines, their ends included. Beside the bounds stand three measures of
    whether the latent is used: what lines cost when the writer is given the latent of another
    line, how many units of the latent vary with the line (Burda et al. 2016,
    https://arxiv.org/abs/1509.00519), and what lines cost a language model without a latent.

    Args:
        network: in eval mode on the CPU.
        lines: of the network's characters, two at least.
        plain_writer: a language model of such lines with the same vocabulary; an end begins them.
        samples: of z in the importance-weighted bound.
        drawn: lines from the prior.
        seed: of z and of what is drawn.

    Returns:
        Plain values by name: `distortion`, `rate`, `elbo_nll` (their sum), `iw_nll`, `others`
        (the distortion with another line's latent), `plain_nll` where there is a language model,
        `characters` (the share of characters that come back in their places from the mean),
        `whole` (the share of lines that do), `active` of `units`, `form` (the share of lines from
        the prior with five or seven characters), `distinct` (the share that differ from each
        other), and `n`, `samples`, `drawn` and `seed`.
    """
    rng = torch.Generator().manual_seed(seed)
    x = torch.from_numpy(as_numbers(lines, network.vocabulary)).long()
    columns: dict[str, list[Tensor]] = {}
    with torch.inference_mode():
        for part in x.tensor_split(-(-len(x) // PART)):
            for name, values in measured(network, part, samples, rng):
                columns.setdefault(name, []).append(values)
    found = {name: torch.cat(parts).double().numpy() for name, parts in columns.items()}
    characters = (x > 0).sum(1).numpy()
    mean = found.pop("mean")
    figures: dict[str, Any] = {
        "distortion": plain(found["distortion"].mean()),
        "rate": plain(found["rate"].mean()),
        "elbo_nll": plain((found["distortion"] + found["rate"]).mean()),
        "iw_nll": plain(found["iw_nll"].mean()),
        "others": plain(found["others"].mean()),
        "characters": plain(found["right"].sum() / characters.sum()),
        "whole": plain((found["right"] == characters).mean()),
        "active": int((mean.var(0) > ACTIVE).sum()),
        "units": network.latent_dim,
    }
    if plain_writer is not None:
        figures["plain_nll"] = plain(costs(plain_writer, x).mean())
    return {
        **figures,
        **form(network, drawn, rng),
        "n": len(x),
        "samples": samples,
        "drawn": drawn,
        "seed": seed,
    }


def measured(
    network: TextVAE, x: Tensor, samples: int, rng: torch.Generator
) -> Iterator[tuple[str, Tensor]]:
    """Values (n, ...) of each line of a batch (n, t), by name."""
    mean, log_variance = network.encode(x)
    z = mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=rng)
    yield "mean", mean
    yield "rate", rate(mean, log_variance).sum(1)
    yield "distortion", distortion(x, network.decode(z, x))
    yield "others", distortion(x, network.decode(z.roll(1, 0), x))
    yield "iw_nll", -network.log_likelihood(x, samples, rng)
    yield "right", ((network.write(mean, lengths=LENGTHS) == x) & (x > 0)).sum(1)


@torch.no_grad()
def costs(network: LanguageModel, x: Tensor) -> np.ndarray:
    """-log p (n,) in nats of lines (n, t), which an end begins and ends."""
    parts = []
    for part in x.split(PART):
        before = torch.cat([torch.zeros_like(part[:, :1]), part[:, :-1].clamp(min=0)], dim=1)
        logits, _ = network(before)
        cost = cross_entropy(
            logits.flatten(0, 1), part.flatten(), ignore_index=NOTHING, reduction="none"
        )
        parts.append(cost.unflatten(0, part.shape).sum(1))
    return torch.cat(parts).double().numpy()


def form(network: TextVAE, count: int, rng: torch.Generator) -> dict[str, float]:
    """Shares of lines from the prior that keep the form, and that differ from each other."""
    z = torch.randn(count, network.latent_dim, generator=rng)
    rows = network.write(z, temperature=1.0, rng=rng).numpy()
    lines = [as_text(row, network.vocabulary) for row in rows]
    return {
        "form": plain(np.mean([len(line) in LENGTHS for line in lines])),
        "distinct": plain(len(set(lines)) / count),
    }
