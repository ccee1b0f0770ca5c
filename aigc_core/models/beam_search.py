"""Beam search: the few best beginnings, kept and lengthened together.

The likeliest translation cannot be found by taking the likeliest word at each step, and there are
too many to try them all. A beam keeps the k beginnings with the highest log-probability, lengthens
each by every word, and keeps the k best of these. One that ends is put aside. Because each word
costs probability, short ones would win; so they are compared by

    score(y) = log p(y | x) / length(y)^alpha

with alpha near 1 (cf. Wu et al. 2016, https://arxiv.org/abs/1609.08144, section 7); the end counts
as a word. The search is over when k have ended and the best beginning, as it stands, scores less
than the worst of them. With k = 1 it takes the likeliest word each time.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Beam(NamedTuple):
    """One translation: its words without the end, and its score."""

    words: list[int]
    score: float


class Begun(NamedTuple):
    """A translation that may go on: its words and its log-probability."""

    words: list[int]
    total: float


class BeamSearch:
    """Searches for the translations of some sentences, side by side.

    Whoever has the network asks it for the log-probabilities of the word after each beginning,
    and calls `advance` with them until the search is `over`:

        rows, last -> the states of `rows` go on with the words `last` -> advance(log p)

    Args:
        sentences: how many.
        start: the word before the first.
        ends: words after which a translation is at its end.
        beams: how many beginnings of each are kept, from 1.
        longest: words at most, the end included.
        alpha: 0 compares by probability alone, 1 by probability per word.
        never: words that are not to be written.

    Attributes:
        rows: (r,) int64, which row of the call before each beginning lengthens; in the first call
            there is one row for each sentence.
        last: (r,) int64, the last word of each.
    """

    def __init__(
        self,
        sentences: int,
        *,
        start: int,
        ends: Iterable[int],
        beams: int,
        longest: int,
        alpha: float = 1.0,
        never: Sequence[int] = (),
    ) -> None:
        self.ends, self.beams, self.longest = frozenset(ends), beams, longest
        self.alpha, self.never = alpha, list(never)
        self.ended: list[list[Beam]] = [[] for _ in range(sentences)]
        self.begun: list[list[Begun]] = [[Begun([], 0.0)] for _ in range(sentences)]
        self.length = 0
        self.rows = torch.arange(sentences)
        self.last = torch.full((sentences,), start)

    @property
    def over(self) -> bool:
        return not any(self.begun)

    def advance(self, log_p: Tensor) -> None:
        """Lengthens every beginning by a word; from log-probabilities (r, words)."""
        totals = torch.tensor([begun.total for all_ in self.begun for begun in all_])
        log_p = log_p.float().cpu() + totals.unsqueeze(1)
        log_p[:, self.never] = -torch.inf
        self.length += 1
        rows, last, at = list[int](), list[int](), 0
        for sentence, begun in enumerate(self.begun):
            if not begun:
                continue
            kept = self._lengthen(sentence, log_p[at : at + len(begun)])
            self.begun[sentence] = [new for _, new in kept]
            rows += [at + row for row, _ in kept]
            last += [new.words[-1] for _, new in kept]
            at += len(begun)
        self.rows, self.last = torch.tensor(rows), torch.tensor(last)

    def best(self, sentence: int) -> list[int]:
        """The words of the best translation so far."""
        if self.begun[sentence]:
            return self.begun[sentence][0].words
        return self.found(sentence)[0].words

    def found(self, sentence: int) -> list[Beam]:
        """The translations of a sentence that have ended, best first."""
        return sorted(self.ended[sentence], key=lambda beam: -beam.score)[: self.beams]

    def _lengthen(self, sentence: int, log_p: Tensor) -> list[tuple[int, Begun]]:
        """What goes on of one sentence, best first: the row that it lengthens, and what it is."""
        begun, ended = self.begun[sentence], self.ended[sentence]
        # As many as are kept, and one more for each row and each end that it may take.
        count = min(self.beams * (1 + len(self.ends)), log_p.numel())
        best = log_p.flatten().topk(count)
        kept: list[tuple[int, Begun]] = []
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        for place, (total, index) in enumerate(pairs):
            if total == -torch.inf:
                break
            row, word = divmod(index, log_p.shape[1])
            words = begun[row].words
            if word in self.ends or self.length == self.longest:
                if place < self.beams:
                    whole = words if word in self.ends else [*words, word]
                    ended.append(Beam(whole, self._score(total)))
            elif len(kept) < self.beams:
                kept.append((row, Begun([*words, word], total)))
        found = self.found(sentence)
        worst = found[-1].score if len(found) == self.beams else -torch.inf
        return kept if kept and self._score(kept[0][1].total) > worst else []

    def _score(self, total: float) -> float:
        return total / self.length**self.alpha
