"""Tokens decoded as they come, at a cost that does not grow with what was written before."""

from collections.abc import Callable, Sequence

CUT_OFF = "\ufffd"  # The decoded beginning of a character whose other bytes are still to come.
# Tokens before what was written that are decoded with it: some decoders drop the first space.
BEFORE = 4


class TextStream:
    """The text of tokens that come one by one.

    Only those since the last whole character are decoded, after a few that are known: the way of
    text-generation-inference
    (https://github.com/huggingface/text-generation-inference, `decode_token`).

    Args:
        decode: the text of tokens.
        prompt: what comes before.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], prompt: Sequence[int]) -> None:
        self._decode = decode
        # The text of `known` has been told, that of `fresh` may still change.
        self._known, self._fresh = list(prompt[-BEFORE:]), list[int]()
        self._text = ""

    def add(self, token: int) -> str:
        """All that was written, without a character that has only begun."""
        self._fresh.append(token)
        before = self._decode(self._known)
        fresh = self._decode([*self._known, *self._fresh])[len(before) :]
        if not fresh or fresh.endswith(CUT_OFF):
            return (self._text + fresh).rstrip(CUT_OFF)
        self._text += fresh
        self._known, self._fresh = self._fresh, []
        return self._text

    def peek(self, token: int) -> str:
        """What a token would add; the replacement sign where it only begins or fills a character.

        It is not added.
        """
        before = self._decode(self._known)
        fresh = self._decode([*self._known, *self._fresh, token])[len(before) :]
        begun = self._decode([*self._known, *self._fresh])[len(before) :]
        if fresh.endswith(CUT_OFF):
            return CUT_OFF
        return fresh if begun.endswith(CUT_OFF) else fresh[len(begun) :]
