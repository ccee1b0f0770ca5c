"""The objective of language models: every next character, from those before."""

from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from aigc_core.models.protocols import LanguageModel
from aigc_core.training.recipe import Networks, Step

# The number of a place where there is no character, after the end of a shorter example.
NOTHING = -1


class NextCharacter:
    """Cross-entropy of the next character, in nats.

    Args:
        network: has a `vocabulary`; maps characters (n, t) to logits (n, t, vocabulary).
        first: what the samples that show the progress begin with.
        characters: how long they are.
    """

    def __init__(self, network: nn.Module, *, first: str = "\n", characters: int = 400) -> None:
        self.players = {"model": network}
        self.first, self.characters = first, characters

    def step(self, batch: tuple[Tensor, ...], _rng: Generator, _: int = 0) -> Step:
        ids = batch[0].long()
        logits, _state = self.players["model"](ids[:, :-1].clamp(min=0))
        yield (
            "model",
            cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=NOTHING),
        )

    def show(self, networks: Networks) -> str:
        return sample(networks["model"], self.first, self.characters)


@torch.no_grad()
def sample(network: nn.Module, first: str, characters: int) -> str:
    """A text by the model, drawn at temperature 1 from a seed of its own."""
    device = next(network.parameters()).device
    model = cast(LanguageModel, network)
    vocabulary = model.vocabulary
    rng = Generator().manual_seed(0)
    ids = torch.tensor([[vocabulary.index(c) for c in first]], device=device)
    text, state = first, None
    for _ in range(min(characters, (model.context or characters + 1) - len(first))):
        logits, state = model(ids, state)
        ids = logits[:, -1].float().softmax(-1).cpu().multinomial(1, generator=rng).to(device)
        text += vocabulary[int(ids)]
    return text
