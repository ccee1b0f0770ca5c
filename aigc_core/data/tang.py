"""Tang quatrains: 3,737 with five characters a line and 10,232 with seven, in simplified script.

The poems are more than a thousand years old and in the public domain. The collection is
chinese-poetry's (MIT licence), turned into simplified characters with OpenCC's tables.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aigc_core.data.source import DataFile, open_file
from aigc_core.data.split import Split
from aigc_core.data.tang_source import quatrains_of_source

LICENCE = "public domain; collection MIT"
FILES = {
    5: DataFile(
        "chinese_poetry/tang_quatrains_5char_simplified.tsv",
        "ded672dca20a74120905684ab351be87506e9c4b5cfda09353358529686f6a21",
        (),
    ),
    7: DataFile(
        "chinese_poetry/tang_quatrains_7char_simplified.tsv",
        "e832e4750009348d068d7aad382fa50f64cca4f7565c9f4ebb43c29883780bf4",
        (),
    ),
}
# One poem in twenty is for tests, chosen by its own words.
TEST_SHARE = 20
NOTHING = -1


@dataclass(frozen=True)
class Poem:
    """A quatrain; `text` is `a，b。c，d。`."""

    author: str
    title: str
    text: str


def load_quatrains(split: Split, *, download: bool = True) -> tuple[Poem, ...]:
    """All quatrains of a split, those with five characters a line first.

    Raises:
        DatasetMissing: a file is not on the disk, and was not to be, or could not be, fetched.
        CorruptFile: one does not have the published bytes.
    """
    rows = [row for length in FILES for row in rows_of(length, download=download)]
    poems = [Poem(author, title, text) for author, title, text in rows]
    return tuple(poem for poem in poems if held_out(poem.text) == (split == "test"))


def rows_of(length: int, *, download: bool) -> Sequence[tuple[str, str, str]]:
    """Quatrains of so many characters a line, from their table, else from where it comes from."""
    table = FILES[length]
    if table.path() is None:
        return quatrains_of_source(length, download=download)
    lines = io.StringIO(open_file(table).decode())
    found = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(row["author"], row["title"], row["poem"]) for row in found]


def held_out(text: str) -> bool:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % TEST_SHARE == 0


def as_line(text: str) -> str:
    """A quatrain as the models read it: how many characters a line has, the poem, the end."""
    return f"{text.index('，')}{text}\n"


def vocabulary() -> str:
    """All characters of the poems, the commonest first, after the signs of their form."""
    counts: dict[str, int] = {}
    for poem in (*load_quatrains("train"), *load_quatrains("test")):
        for character in poem.text:
            counts[character] = counts.get(character, 0) + 1
    own = sorted(counts.keys() - set("，。"), key=lambda c: (-counts[c], c))
    return "\n57，。" + "".join(own)


def quatrains() -> tuple[np.ndarray, ...]:
    """What recipes train on: a poem a row (n, 34), as numbers, filled up with `NOTHING`."""
    numbers = {character: number for number, character in enumerate(vocabulary())}
    lines = [as_line(poem.text) for poem in load_quatrains("train")]
    rows = np.full((len(lines), max(map(len, lines))), NOTHING, np.int16)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line)] = [numbers[c] for c in line]
    return (rows,)
