"""A text with places in it marked, so that one sees what was taken from it."""

from collections.abc import Iterable
from html import escape
from typing import Any

GAP = '<span class="gap">…</span>'


def marked(text: str, places: Any, around: int | None = None) -> str:
    """HTML of a text, its marked places in ink and the rest in quiet ink.

    Args:
        places: [start, end] in characters of each; what is no such pair is passed over.
        around: how many characters stay on either side of a mark; None for the whole text.
    """
    marks = joined(places, len(text))
    windows = [(0, len(text))]
    if around is not None and marks:
        near = ((max(0, start - around), min(len(text), end + around)) for start, end in marks)
        windows = joined(near, len(text))
    parts: list[str] = []
    for first, last in windows:
        parts.append(GAP if first > 0 and not parts else "")
        at = first
        for start, end in (mark for mark in marks if first <= mark[0] < last):
            parts += [escape(text[at:start]), f"<mark>{escape(text[start:end])}</mark>"]
            at = end
        parts += [escape(text[at:last]), GAP if last < len(text) else ""]
    return f'<div class="paper marked" dir="auto">{"".join(parts)}</div>'


def joined(places: Any, length: int) -> list[tuple[int, int]]:
    """Places within a text, in order, those that touch as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(place for place in pairs(places) if 0 <= place[0] < place[1]):
        if start >= length:
            break
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(end, found.pop()[1])
        found.append((start, min(end, length)))
    return found


def pairs(places: Any) -> Iterable[tuple[int, int]]:
    """What is a pair of whole numbers."""
    for place in places or ():
        match tuple(place):
            case (int(start), int(end)):
                yield start, end
