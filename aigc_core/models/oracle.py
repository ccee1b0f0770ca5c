"""SeqGAN's oracle: a random language whose probabilities are known.

Nobody knows how likely a real text is, so it is hard to say how good a made one is. Yu et al.
(2017, https://arxiv.org/abs/1609.05473) therefore begin with a language that they make up: an LSTM
whose weights are drawn from N(0, 1) writes the "real" texts. A generator learns from these alone,
and then the oracle tells what the generator's own texts cost under it,

    NLL_oracle = E_{x ~ q} -log p(x) / length    in nats a word.

It measures quality only: a generator that writes one likely text again and again is better by it
than the oracle itself.
"""

import torch
from torch import Generator as Random
from torch import Tensor

from aigc_core.models.text_gan import NOTHING, Generator

WORDS, LENGTH, WIDTH = 5_000, 20, 32
# Words of no meaning: as many signs in a row.
FIRST_SIGN = "一"
ROWS = 250


def oracle(seed: int, *, words: int = WORDS, length: int = LENGTH) -> Generator:
    """The random language of a seed."""
    made = Generator(
        vocabulary=signs(words), length=length, ends=False, embedding=WIDTH, width=WIDTH
    )
    rng = Random().manual_seed(seed)
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.randn(weight.shape, generator=rng))
    return made.eval().requires_grad_(False)


def signs(words: int) -> str:
    return "".join(chr(ord(FIRST_SIGN) + number) for number in range(words))


@torch.no_grad()
def texts(network: Generator, count: int, seed: int, temperature: float = 1.0) -> Tensor:
    """Texts (count, length) of a network, by numbers of the CPU."""
    u = torch.rand(count, network.length, generator=Random().manual_seed(seed))
    u = u.to(network.bias.device)
    return torch.cat([network.sample(rows, temperature) for rows in u.split(ROWS)])


@torch.no_grad()
def mean_cost(network: Generator, ids: Tensor, temperature: float = 1.0) -> float:
    """-log p of texts (n, length) in nats a word, p being what is drawn from at a temperature."""
    total = sum(network.costs(rows, temperature).sum().item() for rows in ids.split(ROWS))
    return total / int((ids != NOTHING).sum())
