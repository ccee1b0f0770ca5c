"""A text as its sentences, in English and in Chinese."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from aigc_core.families.chat_prompts import HAN, LATIN
from aigc_core.text import Language

# What ends a sentence: Chinese marks at once, others where a space, a Chinese character or nothing
# follows, so that 3.14 and example.org stay whole. Closing quotes and brackets belong to it.
END = re.compile(r"""[。！？…]+[”’」』）)"']*|[.!?]+[”’」』）)"']*(?=\s|$|[\u3000-\u9fff])|\n""")
# After these a full stop ends no sentence, nor after a single capital letter, as of a name.
SHORTENED = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Mt|Gen|Sen|Rep|Gov|vs|etc|e\.g|i\.e|cf|ca|al|approx|No"
    r"|Nos|Fig|Figs|Eq|Sec|Vol|pp|Inc|Ltd|Co|Corp|Dept|Univ|a\.m|p\.m|U\.S|U\.K)|\b[A-Z])\.$"
)
COMMA, GAP = re.compile(r"[,;，；、]"), re.compile(r"\s+")
SMALL = re.compile(r"\s*[a-z]")


class Sentence(NamedTuple):
    """A sentence and where it stands: text[start:end]."""

    start: int
    end: int
    text: str


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text without the spaces around them; a new line ends one too."""
    return [found for start, end in stretches(text) for found in stripped(text, start, end)]


def stripped(text: str, start: int, end: int, offset: int = 0) -> list[Sentence]:
    """text[start:end] without the spaces around it, if there is anything else."""
    whole = text[start:end]
    start += len(whole) - len(whole.lstrip())
    found = whole.strip()
    return [Sentence(offset + start, offset + start + len(found), found)] if found else []


def stretches(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in END.finditer(text):
        if mark.group().startswith(".") and goes_on(text, start, mark):
            continue
        yield start, mark.end()
        start = mark.end()
    yield start, len(text)


def goes_on(text: str, start: int, mark: re.Match[str]) -> bool:
    """Whether a full stop is that of a shortened word."""
    return bool(
        SMALL.match(text, mark.end())
        or (mark.end() < len(text.rstrip()) and SHORTENED.search(text, start, mark.end()))
    )


def plainly(text: str) -> Language | None:
    """The language of a text that has words of one alone."""
    chinese, latin = bool(HAN.search(text)), bool(LATIN.search(text))
    return None if chinese == latin else "zh" if chinese else "en"


def joined(text: str, found: list[Sentence], made: list[str], to: Language) -> str:
    """What was made of each sentence, with the line breaks that stood between them.

    Args:
        text: that of the sentences.
        made: of the first sentences, one each.
    """
    whole = ""
    for place, part in enumerate(made):
        if place:
            between = text[found[place - 1].end : found[place].start]
            whole += "\n" * between.count("\n") or (" " if to == "en" else "")
        whole += part
    return whole.rstrip()


def divided(sentence: Sentence, fits: Callable[[str], bool]) -> list[Sentence]:
    """A sentence in parts that fit: at the comma nearest to its middle, else between words."""
    start, _, text = sentence
    if len(text) < 2 or fits(text):
        return [sentence]
    places = [m.end() for m in COMMA.finditer(text)] or [m.end() for m in GAP.finditer(text)]
    middle = len(text) // 2
    cut = min((p for p in places if 0 < p < len(text)), key=lambda p: abs(p - middle), default=0)
    cut = cut or middle
    return [
        part
        for at, end in ((0, cut), (cut, len(text)))
        for whole in stripped(text, at, end, start)
        for part in divided(whole, fits)
    ]
