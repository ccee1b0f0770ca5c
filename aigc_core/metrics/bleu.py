"""BLEU between lines of text, by characters: how much of each line occurs in others.

BLEU (Papineni et al. 2002, https://aclanthology.org/P02-1040) multiplies the shares of a line's
runs of 1, 2, ... n characters that occur in a reference, a run counting as often at most as in the
reference that has it most often:

    BLEU-n = BP exp(1/n sum_k log p_k),    BP = min(1, exp(1 - r / c))

with c the line's length and r that of the reference nearest to it. Papers on text GANs take the
mean over lines that a model has made, with all lines of the test as references, for quality; and
for the want of diversity self-BLEU (Zhu et al. 2018, https://arxiv.org/abs/1802.01886), with all
other lines that the model has made. Where no run of some length occurs, its share would be 0 and
so would be the whole; 0.1 is counted instead (Chen & Cherry 2014, their first method).
"""

from collections import Counter
from collections.abc import Sequence
from math import exp, log

FOUND_NONE = 0.1


class References:
    """What a line is compared with.

    Args:
        lines: the references, none of them empty.
        order: n.
    """

    def __init__(self, lines: Sequence[str], order: int) -> None:
        if not lines:
            raise ValueError("there is nothing to compare with")
        self.order = order
        self.lengths = Counter(map(len, lines))
        # The most often that a line has each run, how many lines do, and the next most often: a
        # line that is one of them can then be left out.
        self.most: dict[str, tuple[int, int, int]] = {}
        for line in lines:
            for run, count in runs(line, order).items():
                first, times, second = self.most.get(run, (0, 0, 0))
                if count > first:
                    first, times, second = count, 1, first
                elif count == first:
                    times += 1
                else:
                    second = max(second, count)
                self.most[run] = first, times, second

    def bleu(self, line: str, *, own: bool = False) -> float:
        """The BLEU of a line, in 0..1.

        Args:
            own: whether the line is one of the references, and is not to be compared with itself.

        Raises:
            ValueError: it was the only one.
        """
        if own and self.lengths.total() == 1:
            raise ValueError("there is nothing to compare with but the line itself")
        if not line:
            return 0.0
        found = [0.0] * self.order
        for run, count in runs(line, self.order).items():
            found[len(run) - 1] += min(count, self.known(run, count if own else 0))
        logs = 0.0
        for length, hits in enumerate(found, start=1):
            logs += log((hits or FOUND_NONE) / max(1, len(line) - length + 1))
        return self.brevity(len(line), own) * exp(logs / self.order)

    def known(self, run: str, own: int) -> int:
        """How often a run occurs in the reference that has it most often.

        Args:
            own: how often it occurs in the line that is left out of the references, or 0.
        """
        first, times, second = self.most.get(run, (0, 0, 0))
        return second if own == first and times == 1 else first

    def brevity(self, length: int, own: bool) -> float:
        left = self.lengths - Counter({length: 1}) if own else self.lengths
        nearest = min(left, key=lambda other: (abs(other - length), other))
        return min(1.0, exp(1 - nearest / length))


def runs(line: str, longest: int) -> Counter[str]:
    """How often each run of 1 to `longest` characters occurs in a line."""
    return Counter(
        line[start : start + length]
        for length in range(1, longest + 1)
        for start in range(len(line) - length + 1)
    )


def mean_bleu(lines: Sequence[str], references: Sequence[str], order: int) -> float:
    """The mean BLEU of lines."""
    known = References(references, order)
    return sum(known.bleu(line) for line in lines) / len(lines)


def self_bleu(lines: Sequence[str], order: int) -> float:
    """The mean BLEU of each line with all others for references: 1 where all are alike."""
    known = References(lines, order)
    return sum(known.bleu(line, own=True) for line in lines) / len(lines)
