"""The objective of translation: every next word of the target, from those before and the source."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from aigc_core.data.subwords import SPECIAL, UNKNOWN
from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer
from aigc_core.training.recipe import Networks, Step


class NextWord:
    """Cross-entropy of the next word, in nats, towards a smoothed target (Szegedy et al. 2016).

    With few sentences a network soon knows them by heart. So words are left out of what it reads,
    on both sides, and it must do without them (as word dropout does, which Sennrich & Zhang 2019,
    https://arxiv.org/abs/1905.11901, found to help where there is little to learn from).

    Args:
        network: the translator.
        smoothing: share of the target's probability that all other words get.
        blank: share of the words that are read as unknown ones.
        parts: how many parts of a batch, sorted by length, are worked through one after the other,
            each no wider than its own longest sentence.
        shown: translates with a network, to show the progress.
    """

    def __init__(
        self,
        network: Seq2SeqTransformer,
        *,
        smoothing: float = 0.1,
        blank: float = 0.0,
        parts: int = 1,
        shown: Callable[[Seq2SeqTransformer], str] | None = None,
    ) -> None:
        self.players: dict[str, nn.Module] = {"model": network}
        self.smoothing, self.blank, self.parts, self.shown = smoothing, blank, parts, shown

    def step(self, batch: tuple[Tensor, ...], rng: Generator, _: int = 0) -> Step:
        source, target = (side.long() for side in batch)
        words = (target[:, 1:] >= 0).sum()
        order = ((source >= 0).sum(1) + (target >= 0).sum(1)).argsort()
        source, target = source[order], target[order]
        read, before = self._blanked(source, rng), self._blanked(target, rng)
        losses = []
        for rows in torch.arange(len(source), device=source.device).chunk(self.parts):
            wanted = trimmed(target[rows])[:, 1:]
            logits = self.players["model"](trimmed(read[rows]), before[rows][:, : wanted.shape[1]])
            losses.append(
                cross_entropy(
                    logits.flatten(0, 1),
                    wanted.flatten(),
                    ignore_index=-1,
                    label_smoothing=self.smoothing,
                    reduction="sum",
                )
            )
        yield "model", torch.stack(losses).sum() / words

    def _blanked(self, side: Tensor, rng: Generator) -> Tensor:
        """Words with some left out, but for the first, which says what is to be done."""
        if not self.blank:
            return side
        left_out = torch.rand(side.shape, generator=rng, device=side.device) < self.blank
        left_out[:, 0] = False
        return side.masked_fill(left_out & (side >= 0), SPECIAL.index(UNKNOWN))

    def show(self, networks: Networks) -> str | None:
        network = networks["model"]
        assert isinstance(network, Seq2SeqTransformer)
        return self.shown(network) if self.shown else None


def trimmed(rows: Tensor) -> Tensor:
    """Rows without the columns that none of them fills."""
    return rows[:, : int((rows >= 0).sum(1).max())]
