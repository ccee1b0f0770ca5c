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

RUN = 3

SEARCHING = Text("reading the training poems", "正在读取训练诗")
NO_CHARACTERS = Text(
    "There is no Chinese character in this poem. Paste one.",
    "这首诗中没有汉字。请粘贴一首诗。",
)


@dataclass(frozen=True)
class Shelf:
    """Poems, and their characters without punctuation as code points (n, longest), 0 after the end.

    Every run of characters of a poem is in its row, also those that go from one line to the next.
    """

    poems: Sequence[Poem]
    codes: np.ndarray

    @classmethod
    def of(cls, poems: Sequence[Poem]) -> "Shelf":
        rows = [bare(poem.text) for poem in poems]
        codes = np.zeros((len(rows), max(map(len, rows), default=0)), np.uint32)
        for row, text in zip(codes, rows, strict=True):
            row[: len(text)] = points(text)
        return cls(poems, codes)

    def nearest(self, text: str, count: int) -> list[tuple[int, float, int]]:
        """(place, share, longest) of the nearest poems to characters without punctuation.

        Those that share most runs of three come first, and of equals the one with the longest run
        in common.
        """
        asked = points(text)
        shares = self.shared(asked)
        (places,) = np.nonzero(shares)
        if len(places) < count:
            places = np.arange(len(self.poems))
        lengths = longest(asked, self.codes[places])
        order = np.lexsort((-lengths, -shares[places]))[:count]
        return [(int(places[at]), float(shares[places[at]]), int(lengths[at])) for at in order]

    def shared(self, asked: np.ndarray) -> np.ndarray:
        """Of each poem, the share of the different runs of three in `asked` that occur in it."""
        wanted = np.unique(runs(asked))
        if not len(wanted):
            return np.zeros(len(self.poems))
        found = runs(self.codes)
        nearest = np.searchsorted(wanted, found).clip(max=len(wanted) - 1)
        row, column = np.nonzero(wanted[nearest] == found)
        # Each run counts once in a poem, however often it occurs there.
        pairs = np.unique(row * len(wanted) + nearest[row, column])
        return np.bincount(pairs // len(wanted), minlength=len(self.poems)) / len(wanted)


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


def runs(codes: np.ndarray) -> np.ndarray:
    """Each run of three code points (..., n) as one number (..., n - 2)."""
    wide = codes.astype(np.uint64)
    parts = [wide[..., place : wide.shape[-1] - RUN + 1 + place] for place in range(RUN)]
    # A code point has 21 bits.
    return (parts[0] << np.uint64(42)) | (parts[1] << np.uint64(21)) | parts[2]
