"""What can be measured of quatrains: whether they keep the form, rhyme, and copy."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aigc_core.data.tang import as_line
from aigc_core.metrics.card import plain
from aigc_core.metrics.copying import longest_copy
from aigc_core.metrics.language import NOTHING, numbers
from aigc_core.verse import form_problem, rhymes

MARKS = re.compile("[，。]")


@dataclass(frozen=True)
class Corpus:
    """The poems that a model was trained on, ready to be compared with.

    Args:
        poems: each as one line, its punctuation included.
    """

    poems: frozenset[str]
    lines: frozenset[str]
    whole: str

    @classmethod
    def of(cls, poems: Sequence[str]) -> "Corpus":
        lines = frozenset(line for poem in poems for line in lines_of(poem))
        # A newline stands in no poem, so no run goes from one to the next.
        return cls(frozenset(poems), lines, "\n".join(poems))


def lines_of(poem: str) -> list[str]:
    return [line for line in MARKS.split(poem) if line]


def bare(text: str) -> str:
    """A poem in one line, as the corpus has it."""
    return "".join(text.split())


def verse_values(
    poems: Sequence[str], forms: Sequence[str], corpus: Corpus | None = None
) -> dict[str, float]:
    """Figures of poems, each in one line, by the names of the glossary.

    Args:
        poems: what was written.
        forms: the form that each was to have, "5" or "7".
        corpus: the training poems; None leaves out what is copied.

    Returns:
        `form_kept` of all, `form_kept_5` and `form_kept_7` where such were asked for; `rhyme`
        among those that keep the form; and `copied_poems`, `copied_lines`, `longest_run` with
        `longest_run_95`, its 95th percentile.
    """
    kept = np.array([
        form_problem(poem, int(form)) is None for poem, form in zip(poems, forms, strict=True)
    ])  # fmt: skip
    found = {"form_kept": kept.mean()}
    for form in sorted(set(forms)):
        found[f"form_kept_{form}"] = kept[[other == form for other in forms]].mean()
    whole = [poem for poem, keeps in zip(poems, kept, strict=True) if keeps]
    found["rhyme"] = np.mean([rhymes(poem) for poem in whole]) if whole else 0.0
    if corpus is not None:
        lines = [line for poem in poems for line in lines_of(poem)]
        runs = [longest_copy(poem, corpus.whole) for poem in poems]
        found |= {
            "copied_poems": np.mean([poem in corpus.poems for poem in poems]),
            "copied_lines": np.mean([line in corpus.lines for line in lines]) if lines else 0.0,
            "longest_run": np.median(runs),
            "longest_run_95": np.percentile(runs, 95),
        }
    return {name: plain(value) for name, value in found.items()}


def rows_of(poems: list[str], vocabulary: str) -> np.ndarray:
    """Poems (n, t) as models read them, filled up with `NOTHING`."""
    lines = [numbers(as_line(poem), vocabulary) for poem in poems]
    rows = np.full((len(lines), max(map(len, lines))), NOTHING, np.int64)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line)] = line
    return rows
