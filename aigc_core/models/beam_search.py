"""Beam search: the few best beginnings, kept and lengthened together.

The likeliest translation cannot be found by taking the likeliest word at each step, and there are
too many to try them all. A beam keeps the k beginnings with the highest log-probability, lengthens
each by every word, and keeps the k best of these. One that ends is put aside. Because each word
costs probability, short ones would win; so they are compared by

    score(y) = log p(y | x) / length(y)^alpha

with alpha near 1 (cf. Wu et al. 2016, https://arxiv.org/abs/1609.08144, section 7). The search ends
when k have ended, or no beginning can still beat the worst of them.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Beam(NamedTuple):
    """One translation: its words without the end, and its score."""

    words: list[int]
    score: float


# Of beginnings, the log-probabilities (k, words) of the next word. Called with the last word of
# each beginning and the row of the call before that each of them lengthens.
Next = Callable[[Tensor, Tensor], Tensor]


def beam_search(
    following: Next, *, start: int, end: int, beams: int, longest: int, alpha: float = 1.0
) -> list[Beam]:
    """The best translations found, best first.

    Args:
        following: see `Next`; the first call has one row.
        start: the word before the first.
        end: the word after the last.
        beams: how many beginnings are kept, from 1.
        longest: words at most.
        alpha: 0 compares by probability alone, 1 by probability per word.
    """
    ended: list[Beam] = []
    begun, totals = [[]], torch.zeros(1)
    last, rows = torch.tensor([start]), torch.tensor([0])
    for length in range(1, longest + 1):
        chances = following(last, rows).float().cpu() + totals.unsqueeze(1)
        # Twice as many as needed: at most one of each row ends.
        best = chances.flatten().topk(min(2 * beams, chances.numel()))
        kept: list[tuple[int, int, float]] = []
        for place, (total, at) in enumerate(
            zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ):
            row, word = divmod(at, chances.shape[1])
            if word == end:
                if place < beams:
                    ended.append(Beam(begun[row], total / length**alpha))
            elif len(kept) < beams:
                kept.append((row, word, total))
        ended = sorted(ended, key=lambda beam: -beam.score)[:beams]
        begun = [[*begun[row], word] for row, word, _ in kept]
        totals = torch.tensor([total for *_, total in kept])
        if len(ended) == beams and totals.max() / length**alpha < ended[-1].score:
            break
        last = torch.tensor([word for _, word, _ in kept])
        rows = torch.tensor([row for row, *_ in kept])
    else:
        ended += [
            Beam(words, total / longest**alpha)
            for words, total in zip(begun, totals.tolist(), strict=True)
        ]
    return sorted(ended, key=lambda beam: -beam.score)[:beams]
