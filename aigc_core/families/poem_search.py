"""The training poems nearest to a poem, by what they share with it to the letter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aigc_core.data.tang import Poem, load_quatrains
from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Output, Progress
from aigc_core.families.char_model import CharModel, Events
from aigc_core.media import Writing
from aigc_core.tasks.verse import FindPoems
from aigc_core.text import Text
from aigc_core.verse import CHINESE

SEARCHING = Text("reading the training poems", "正在读取训练诗")
NO_CHARACTERS = Text(
    "There is no Chinese character in this poem. Paste one.",
    "这首诗中没有汉字。请粘贴一首诗。",
)


@dataclass(frozen=True)
class Shelf:
    """Poems, and where each run of three characters occurs in them.

    A poem's characters without punctuation are one row, so that runs go on from line to line.

    Args:
        poems: all of them.
        codes: their characters as code points (n, longest), 0 after the end.
        runs: every run of three of every poem, in order.
        rows: the poem of each.
    """

    poems: Sequence[Poem]
    codes: np.ndarray
    runs: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, poems: Sequence[Poem]) -> "Shelf":
        rows = [bare(poem.text) for poem in poems]
        codes = np.zeros((len(rows), max(map(len, rows), default=0)), np.uint32)
        for row, text in zip(codes, rows, strict=True):
            row[: len(text)] = points(text)
        found = runs(codes)
        order = np.argsort(found, axis=None)
        return cls(poems, codes, found.ravel()[order], order // max(1, found.shape[1]))

    def nearest(self, text: str, count: int) -> list[tuple[int, float, int]]:
        """(place, share, longest) of the nearest poems to characters without punctuation.

        Those that share most runs of three come first, and of equals the one with the longest run
        in common.
        """
        asked = points(text)
        shares, lengths = self.shared(asked), np.zeros(len(self.poems), np.int64)
        sharing = shares > 0
        lengths[sharing] = longest(asked, self.codes[sharing])
        if sharing.sum() < count:
            # The others have no run of three in common with it.
            for length in (1, 2):
                same = np.isin(runs(self.codes, length), runs(asked, length)).any(axis=1)
                lengths[same & ~sharing] = length
        order = np.lexsort((-lengths, -shares))[:count]
        return [(int(place), float(shares[place]), int(lengths[place])) for place in order]

    def shared(self, asked: np.ndarray) -> np.ndarray:
        """Of each poem, the share of the different runs of three in `asked` that occur in it."""
        wanted, counts = np.unique(runs(asked)), np.zeros(len(self.poems))
        starts, ends = (np.searchsorted(self.runs, wanted, side) for side in ("left", "right"))
        for start, end in zip(starts, ends, strict=True):
            # A run counts once in a poem, however often it occurs there.
            counts[np.unique(self.rows[start:end])] += 1
        return counts / max(1, len(wanted))


def find(model: CharModel, request: FindPoems) -> Events:
    """The nearest training poems, nearest first.

    Raises:
        InvalidRequest: there is no Chinese character in the poem.
        DatasetMissing: the training poems are not on this machine.
    """
    asked = bare(request.poem)
    if not asked:
        raise InvalidRequest(NO_CHARACTERS)
    yield Progress(0, 1, SEARCHING)
    if "shelf" not in model.kept:
        model.kept["shelf"] = Shelf.of(load_quatrains("train", download=False))
    shelf: Shelf = model.kept["shelf"]
    found = shelf.nearest(asked, request.count)
    yield Finished(tuple(output(shelf.poems[place], *figures) for place, *figures in found))


def output(poem: Poem, share: float, longest: float) -> Output:
    details = {
        "shared": round(share, 4),
        "longest": int(longest),
        "title": poem.title,
        "author": poem.author,
    }
    return Output(Writing(poem.text), seed=0, details=details)


def bare(text: str) -> str:
    """The Chinese characters of a text alone."""
    return re.sub(f"[^{CHINESE}]", "", text)


def points(text: str) -> np.ndarray:
    return np.array([ord(character) for character in text], np.uint32)


def longest(asked: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The length of the longest run common to `asked` and each row (n, longest) of poems.

    `here[:, j]` is that of the run which ends at place j of a poem and at the present character of
    `asked`; the next character makes one more of it, or ends it.
    """
    here = np.zeros((len(codes), codes.shape[1] + 1), np.uint8)
    most = np.zeros(len(codes), np.uint8)
    for code in asked:
        np.multiply(here[:, :-1] + np.uint8(1), codes == code, out=here[:, 1:])
        np.maximum(most, here.max(axis=1), out=most)
    return most.astype(np.int64)


def runs(codes: np.ndarray, length: int = 3) -> np.ndarray:
    """Each run of code points (..., n) as one number (..., n - length + 1); three at most fit."""
    wide = codes.astype(np.uint64)
    count = max(0, wide.shape[-1] - length + 1)
    made = np.zeros((*wide.shape[:-1], count), np.uint64)
    for place in range(length):
        # A code point has 21 bits.
        made = (made << np.uint64(21)) | wide[..., place : place + count]
    return made
