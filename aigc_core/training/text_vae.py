"""The objective of text VAEs: the evidence lower bound, kept from collapse."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from aigc_core.data.tang_lines import as_numbers, as_text
from aigc_core.models.text_vae import TextVAE, free_bits
from aigc_core.training.recipe import Networks, Step
from aigc_core.verse import LENGTHS

DRAWN = 8


class FreeBits:
    """Distortion and rate of lines, in nats; `models/text_vae.py` tells of each remedy.

    Args:
        network: the VAE.
        floor: nats about a line that cost nothing, shared evenly by the units of the latent.
        word_dropout: share of the characters that the writer is not told.
        warmup: steps over which the rate's weight rises from zero to one.
        shown: lines that show the progress by what comes back of them.
    """

    def __init__(
        self,
        network: TextVAE,
        *,
        floor: float,
        word_dropout: float = 0.0,
        warmup: int = 0,
        shown: Sequence[str] = (),
    ) -> None:
        self.players: dict[str, nn.Module] = {"vae": network}
        self.network = network
        self.floor, self.word_dropout, self.warmup = floor, word_dropout, warmup
        self.shown = shown

    def step(self, batch: tuple[Tensor, ...], rng: Generator, number: int = 0) -> Step:
        distortion, rates = self.network.bounds(batch[0].long(), rng, self.word_dropout)
        weight = min(1.0, (number + 1) / (self.warmup + 1))
        least = self.floor / self.network.latent_dim
        yield "vae", distortion.mean() + weight * free_bits(rates, least)

    def show(self, networks: Networks) -> str:
        network = networks["vae"]
        assert isinstance(network, TextVAE)
        return "\n".join([*returned(network, self.shown), "", *drawn(network, DRAWN)])


@torch.no_grad()
def returned(network: TextVAE, lines: Sequence[str]) -> list[str]:
    """Each line, and what comes back of it."""
    if not lines:
        return []
    x = torch.from_numpy(as_numbers(lines, network.vocabulary)).long()
    mean, _ = network.encode(x.to(network.bias.device))
    back = texts(network, network.write(mean, lengths=LENGTHS))
    return [f"{line} {text}" for line, text in zip(lines, back, strict=True)]


def drawn(network: TextVAE, count: int) -> list[str]:
    """Lines from the prior, with a seed of their own."""
    rng = Generator().manual_seed(0)
    z = torch.randn(count, network.latent_dim, generator=rng)
    return texts(network, network.write(z.to(network.bias.device), temperature=1.0, rng=rng))


def texts(network: TextVAE, rows: Tensor) -> list[str]:
    return [as_text(row, network.vocabulary) for row in rows.cpu().numpy()]
