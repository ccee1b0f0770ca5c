"""The quatrains among the Complete Tang Poems, from their source, in simplified characters.

chinese-poetry (https://github.com/chinese-poetry/chinese-poetry, MIT licence) keeps 57,607 poems
in traditional characters in 58 files. OpenCC (https://github.com/BYVoid/OpenCC, Apache-2.0)
turns them into simplified ones.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

from aigc_core.data.source import DataFile, open_file

COMMIT = "99ebbef7e1345c0985c44b9fd96a3f9e776f117b"
HOME = (
    f"https://raw.githubusercontent.com/chinese-poetry/chinese-poetry/{COMMIT}/{quote('全唐诗')}/"
)
SUMS = Path(__file__).with_name("tang_sums.txt")
CLAUSE = re.compile("[\u4e00-\u9fff]{5}|[\u4e00-\u9fff]{7}")
STOPS = re.compile("[，。！？；]")


def files() -> list[DataFile]:
    """The 58 files, with the checksums of that commit."""
    pairs = (line.split() for line in SUMS.read_text("utf-8").splitlines())
    return [DataFile(f"chinese_poetry/{name}", digest, (HOME,)) for digest, name in pairs]


@cache
def quatrains_of_source(length: int, *, download: bool) -> tuple[tuple[str, str, str], ...]:
    """(author, title, poem) of all quatrains with so many characters a line, each poem once.

    Raises:
        DatasetMissing: a file is not on the disk, and was not to be, or could not be, fetched.
        CorruptFile: one does not have the published bytes.
    """
    from opencc import OpenCC

    simplified = OpenCC("t2s").convert
    found: dict[str, tuple[str, str, str]] = {}
    for file in files():
        for poem in json.loads(open_file(file, download=download)):
            for text in quatrain(simplified("".join(poem["paragraphs"])), length):
                author, title = simplified(poem["author"]), simplified(poem["title"])
                found.setdefault(text, (author, title, text))
    return tuple(found.values())


def quatrain(poem: str, length: int) -> Iterator[str]:
    """The poem as `a，b。c，d。`, if it is four clauses of this length and nothing else."""
    *clauses, rest = STOPS.split(poem)
    whole = len(clauses) == 4 and not rest
    if whole and all(len(c) == length and CLAUSE.fullmatch(c) for c in clauses):
        a, b, c, d = clauses
        yield f"{a}，{b}。{c}，{d}。"
