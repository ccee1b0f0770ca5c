"""Where in a passage the support of an answer stands."""

import re
from difflib import SequenceMatcher

from aigc_core.families.sentences import sentences

# A line of the answer that begins so holds words of the passage.
MARK = re.compile(r"^[ \t>*_]*(?:quotes?|引文|原文)[ \t*_]*[:：]", re.IGNORECASE | re.MULTILINE)
QUOTED = re.compile('“([^”]{4,})”|「([^」]{4,})」|"([^"\n]{4,})"')
WORD = re.compile(r"[a-z0-9]+|[^\W\d_a-z]", re.IGNORECASE)

# How much of a quote must stand in the passage, and of an answer in a sentence of it.
ALIKE, SHARED = 0.8, 0.5
# Quotes are given with their marks, or with dots where something was left out.
EDGES = " \t\n*_\"'“”‘’「」『』.…,，。"
FEWEST = 4
MOST = 3

Place = tuple[int, int]


def split(answer: str) -> tuple[str, list[str]]:
    """An answer without the lines that quote, and what they quote."""
    match = MARK.search(answer)
    if match is None:
        return answer, []
    lines = MARK.sub("", answer[match.start() :]).splitlines()
    return answer[: match.start()].rstrip(), [line.strip() for line in lines if line.strip()]


def places(passage: str, answer: str, quotes: list[str]) -> list[Place]:
    """[start, end) of what supports an answer, the best first; nothing where nothing does.

    That is where the quotes stand; else what the answer itself puts in quotation marks; else the
    sentence that shares most words with it.
    """
    own = ["".join(groups) for groups in QUOTED.findall(answer)]
    for said in (quotes, own):
        found = [place for quote in said if (place := place_of(passage, quote))]
        if found:
            return list(dict.fromkeys(found))[:MOST]
    return nearest(passage, answer)


def place_of(passage: str, quote: str) -> Place | None:
    """Where a quote stands, word for word or nearly so."""
    quote = quote.strip(EDGES)
    if len(quote) < FEWEST:
        return None
    start = passage.find(quote)
    if start < 0:
        start = passage.lower().find(quote.lower()) if passage.lower() != passage else -1
    if start >= 0:
        return start, start + len(quote)
    blocks = SequenceMatcher(None, passage.lower(), quote.lower(), autojunk=False)
    longest = blocks.find_longest_match()
    if longest.size < FEWEST:
        return None
    # Around the longest run that both have lies the quote, if it is one.
    start = max(0, longest.a - longest.b)
    end = min(len(passage), start + len(quote))
    ratio = SequenceMatcher(None, passage[start:end].lower(), quote.lower(), autojunk=False).ratio()
    return (start, end) if ratio >= ALIKE else None


def nearest(passage: str, answer: str) -> list[Place]:
    """The sentence of a passage that holds most of an answer's words, if it holds half of them."""
    asked = words(answer)
    if not asked:
        return []
    shares = {
        (start, end): len(asked & words(text)) / len(asked)
        for start, end, text in sentences(passage)
    }
    best = max(shares, key=lambda place: shares[place], default=None)
    return [best] if best is not None and shares[best] >= SHARED else []


def words(text: str) -> set[str]:
    """Its words of three letters or more, and its Chinese characters."""
    return {word for word in WORD.findall(text.lower()) if len(word) > 2 or not word.isascii()}
