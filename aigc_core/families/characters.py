"""What a character model knows of a visitor's text: characters as numbers, and what is left out.

Signs that print shops add are turned into the plain ones of a typewriter where the model knows only
these, since a curly quote says what a straight one does. What it still does not know is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aigc_core.errors import InvalidRequest
from aigc_core.text import Text

# The signs of the quatrains' form stand first in the vocabulary of a model of verse.
VERSE = "\n57，。"
END, COMMA, STOP = "\n", "，", "。"
FORMS = {5: "5", 7: "7"}
# As many of the characters that were left out are told.
MOST_TOLD = 40
# A vocabulary up to this size is told in full.
SHORT = 200

NOTHING = Text(
    "The model knows nothing of this text. It knows {known}.",
    "模型不认识这段文本中的任何字符。它认识：{known}。",
)
CHARACTERS = Text("{count} characters: {some} …", "{count} 个字：{some}……")
SIMPLIFIED = Text(
    "{count} Chinese characters in simplified script, such as {some}",
    "{count} 个简体汉字，如 {some}",
)

QUOTES = {**dict.fromkeys("‘’‚‛ʼ`´′‹›「」", "'"), **dict.fromkeys("“”„‟«»″『』", '"')}
DASHES = {**dict.fromkeys("‐‑‒–−", "-"), **dict.fromkeys("—―", "--")}
SPACES = dict.fromkeys(
    "\t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))), " "
)
WIDE = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
# What a sign may be written as, the best first; the first that a model knows is taken.
ALIKE: dict[str, tuple[str, ...]] = {
    **{sign: (plain,) for sign, plain in {**QUOTES, **DASHES, **SPACES, **WIDE}.items()},
    **dict.fromkeys('“”„‟«»″『』"', ('"', "'")),
    **dict.fromkeys("—―", ("--", "-")),
    "…": ("...",),
    "，": (",",),
    "、": (",", COMMA),
    "。": (".",),
    **dict.fromkeys(",;:", (COMMA,)),
    **dict.fromkeys("；：", (";", ":", COMMA)),
    **dict.fromkeys(".!?．", (STOP,)),
    **dict.fromkeys("！", ("!", STOP)),
    **dict.fromkeys("？", ("?", STOP)),
}


@dataclass(frozen=True)
class Read:
    """A text as a model reads it.

    Args:
        text: what it knows of it.
        left_out: the characters that it does not know, once each, in order.
    """

    text: str
    left_out: str


class Alphabet:
    """The characters of a vocabulary and their numbers.

    Attributes:
        verse: whether it is that of quatrains, whose signs of form a visitor does not type.
    """

    def __init__(self, vocabulary: str) -> None:
        self.vocabulary = vocabulary
        self.verse = vocabulary.startswith(VERSE)
        self._numbers = {character: number for number, character in enumerate(vocabulary)}
        self._typed = set(vocabulary) - (set(VERSE[:3]) if self.verse else set())

    def __contains__(self, character: str) -> bool:
        """Whether the model knows what a visitor has typed."""
        return character in self._typed

    def encode(self, text: str) -> list[int]:
        """The numbers of characters, all of which it has."""
        return [self._numbers[character] for character in text]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join([self.vocabulary[number] for number in ids])

    def read(self, text: str) -> Read:
        """What the model knows of a text, in plain signs."""
        if self.verse:  # Lines of verse are written below each other, and spaces mean nothing.
            text = "".join(text.split())
        known: list[str] = []
        unknown: dict[str, None] = {}
        for character in text:
            if character in self._typed:
                known.append(character)
                continue
            for plain in ALIKE.get(character, ()):
                if self._typed.issuperset(plain):
                    known.append(plain)
                    break
            else:
                unknown[character] = None
        return Read("".join(known), told(unknown))

    def something(self, text: str) -> Read:
        """What the model knows of a text.

        Raises:
            InvalidRequest: nothing; it says what the model knows.
        """
        read = self.read(text)
        if not read.text:
            raise InvalidRequest(NOTHING, known=self.known())
        return read

    def known(self) -> Text:
        """What it knows, in words."""
        signs = [c for c in self.vocabulary if c in self._typed and not c.isspace()]
        if self.verse:
            signs = [c for c in signs if c not in VERSE]
            return SIMPLIFIED.fill(count=f"{len(signs):,}", some="".join(signs[:8]))
        if len(signs) > SHORT:
            return CHARACTERS.fill(count=f"{len(signs):,}", some=" ".join(signs[:8]))
        letters = ranges([c for c in signs if c.isalnum()])
        others = " ".join(c for c in signs if not c.isalnum())
        told = f"{letters} {others}".strip().translate({ord("<"): "‹", ord(">"): "›"})
        return Text(told, told)


def told(characters: Iterable[str]) -> str:
    """Characters fit to be shown: those that can be seen, and not without end."""
    seen = [c for c in characters if c.isprintable() and not c.isspace()]
    return "".join(seen[:MOST_TOLD]) + ("…" if len(seen) > MOST_TOLD else "")


def ranges(characters: Sequence[str]) -> str:
    """Characters in order, neighbours in Unicode as A–Z."""
    runs: list[list[str]] = []
    for character in sorted(characters):
        if runs and ord(character) == ord(runs[-1][-1]) + 1:
            runs[-1].append(character)
        else:
            runs.append([character])
    return " ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else " ".join(run) for run in runs)
