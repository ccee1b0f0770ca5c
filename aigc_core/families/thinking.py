"""What a model thinks before it answers, parted from the answer while both are still coming."""

from aigc_core.media import Writing

OPEN, CLOSE = "<think>", "</think>"


def parted(text: str, *, opened: bool = False) -> Writing:
    """A text so far, its thoughts apart.

    What may still become a tag is held back from both.

    Args:
        opened: whether the opening tag stands in the prompt already.
    """
    start = text.lstrip()
    if not opened:
        if OPEN.startswith(start) and start != OPEN:
            return Writing("")
        if not start.startswith(OPEN):
            return Writing(text)
    thoughts, closed, answer = start.removeprefix(OPEN).partition(CLOSE)
    if not closed:
        thoughts = without_half(thoughts, CLOSE)
    return Writing(answer.lstrip(), thoughts.strip())


def finished(text: str, *, opened: bool = False) -> Writing:
    """The same of a whole text, in which nothing can become a tag any more."""
    half = text.strip()
    if not opened and OPEN.startswith(half) and half != OPEN:
        return Writing(text)
    return parted(text, opened=opened)


def without_half(text: str, tag: str) -> str:
    """A text without the beginning of a tag at its end."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if text.endswith(tag[:length]):
            return text[:-length]
    return text
