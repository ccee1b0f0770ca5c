"""The objective of translation: every next word of the target, from those before and the source."""

from collections.abc import Callable

from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer
from aigc_core.training.recipe import Networks, Step


class NextWord:
    """Cross-entropy of the next word, in nats, towards a smoothed target (Szegedy et al. 2016).

    Args:
        network: the translator.
        smoothing: share of the target's probability that all other words get.
        shown: translates with a network, to show the progress.
    """

    def __init__(
        self,
        network: Seq2SeqTransformer,
        *,
        smoothing: float = 0.1,
        shown: Callable[[Seq2SeqTransformer], str] | None = None,
    ) -> None:
        self.players = {"model": network}
        self.smoothing, self.shown = smoothing, shown

    def step(self, batch: tuple[Tensor, ...], _rng: Generator, _: int = 0) -> Step:
        source, target = (trimmed(side.long()) for side in batch)
        logits = self.players["model"](source, target[:, :-1])
        yield (
            "model",
            cross_entropy(
                logits.flatten(0, 1),
                target[:, 1:].flatten(),
                ignore_index=-1,
                label_smoothing=self.smoothing,
            ),
        )

    def show(self, networks: Networks) -> str | None:
        network = networks["model"]
        assert isinstance(network, Seq2SeqTransformer)
        return self.shown(network) if self.shown else None


def trimmed(rows: Tensor) -> Tensor:
    """Rows without the columns that none of them fills."""
    return rows[:, : int((rows >= 0).sum(1).max())]
