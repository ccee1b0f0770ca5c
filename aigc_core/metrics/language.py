"""What unseen text costs a language model: the cross-entropy of its next characters, in nats.

A model of limited context must read a long text in pieces, and how they are cut decides how much
a character has before it. Cut into blocks that do not overlap, the first character of each has
next to nothing, and half of them have less than half a context: the estimate that nanoGPT prints.
With a window that slides by an eighth of the context, each has seven eighths at least, which is
what the model can do. A recurrent network carries its state through the whole text.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from aigc_core.models.protocols import LanguageModel

# Windows that are read at once, and characters of one pass where a state is carried on.
BATCH, STRETCH = 32, 256
# The number of a place where there is no character, after the end of a shorter text.
NOTHING = -1


def numbers(text: str, vocabulary: str) -> np.ndarray:
    """A text's characters (n,) int64 as a vocabulary numbers them.

    Raises:
        KeyError: one is not in it.
    """
    places = {character: place for place, character in enumerate(vocabulary)}
    return np.array([places[character] for character in text], np.int64)


def long_text_costs(network: LanguageModel, ids: np.ndarray, stride: int | None = None) -> Tensor:
    """-log p (n-1,) in nats of every character of a text (n,) but the first.

    Args:
        network: in eval mode on the CPU; one without a context carries its state through.
        ids: of the text.
        stride: how far a window is moved on; None for windows that do not overlap.
    """
    text = torch.from_numpy(ids)
    if network.context is None:
        return torch.cat(list(carried(network, text)))
    return torch.cat(list(windowed(network, text, stride or network.context)))


@torch.no_grad()
def carried(network: LanguageModel, text: Tensor) -> Iterator[Tensor]:
    """The costs stretch by stretch, the state going from one to the next."""
    state = None
    for start in range(0, len(text) - 1, STRETCH):
        known = text[start : start + STRETCH + 1].unsqueeze(0)
        logits, state = network(known[:, :-1], state)
        yield cross_entropy(logits[0], known[0, 1:], reduction="none")


@torch.no_grad()
def windowed(network: LanguageModel, text: Tensor, stride: int) -> Iterator[Tensor]:
    """The costs by windows as long as the context.

    A window begins each `stride` characters, and is asked for what no window before it told.
    """
    assert network.context is not None
    window = network.context
    starts = range(0, max(1, len(text) - 1 - window + stride), stride)
    told = 0
    for first in range(0, len(starts), BATCH):
        group = starts[first : first + BATCH]
        # Of all windows the last alone may be shorter, and is read alone.
        whole = [start for start in group if start + window < len(text)]
        for rows in (whole, [start for start in group if start not in whole]):
            if not rows:
                continue
            known = torch.stack([text[start : start + window + 1] for start in rows])
            logits, _ = network(known[:, :-1])
            costs = cross_entropy(logits.transpose(1, 2), known[:, 1:], reduction="none")
            for start, row in zip(rows, costs, strict=True):
                yield row[told - start :]
                told = start + len(row)


@torch.no_grad()
def row_costs(network: LanguageModel, rows: np.ndarray) -> Tensor:
    """-log p (n, t-1) in nats of every character but the first of texts (n, t).

    After the end of a text, where `rows` holds `NOTHING`, the cost is 0.
    """
    costs = []
    for part in torch.from_numpy(rows.astype(np.int64)).split(BATCH):
        logits, _ = network(part[:, :-1].clamp(min=0))
        logits = logits.transpose(1, 2)
        costs.append(cross_entropy(logits, part[:, 1:], reduction="none", ignore_index=NOTHING))
    return torch.cat(costs)
