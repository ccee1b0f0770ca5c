"""What must stand where in a quatrain that is being written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aigc_core import rhyme
from aigc_core.errors import InvalidRequest
from aigc_core.families.char_model import CharModel
from aigc_core.families.characters import COMMA, FORMS, STOP, VERSE, told
from aigc_core.families.quatrain_wishes import wishes_of
from aigc_core.families.token_sampling import Draw
from aigc_core.tasks import brief
from aigc_core.tasks.verse import ComposePoem
from aigc_core.text import Text
from aigc_core.verse import ENDS, LINES, MARKS

if TYPE_CHECKING:
    from torch import Tensor

# Written freely, a poem that does not end is left at this many characters.
LONGEST = 48

WITHIN = Text(
    "“{mark}” stands within the first line: give one line alone.",
    "首句中间有“{mark}”：请只给一句。",
)
UNKNOWN = Text(
    "The model does not know “{characters}”. It knows {known}.",
    "模型不认识“{characters}”。它认识：{known}。",
)


@dataclass
class Plan:
    """The wish for a poem.

    Args:
        form: characters of a line, 5 or 7.
        beginning: how it begins.
        heads: the first characters of its lines, as many as are given.
        keep_form: whether characters and punctuation stand only where they must.
        rhyming: whether the last line must rhyme with the second.

    Attributes:
        given: places in the text of what was given rather than drawn.
    """

    form: int
    beginning: str = ""
    heads: str = ""
    keep_form: bool = True
    rhyming: bool = False
    given: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.beginning = self.beginning or self.heads[:1]
        self.given |= set(range(len(self.beginning)))

    @classmethod
    def of(cls, model: CharModel, request: ComposePoem) -> "Plan":
        """The plan of a request.

        Raises:
            InvalidRequest: what it gives is too long, unknown to the model or at odds with itself.
        """
        line, heads = wishes_of(request)
        if mark := next((c for c in line + heads if c in MARKS), ""):
            raise InvalidRequest(WITHIN, mark=mark)
        if unknown := [c for c in line + heads if c not in model.alphabet]:
            characters = brief(told(dict.fromkeys(unknown)))
            raise InvalidRequest(UNKNOWN, characters=characters, known=model.alphabet.known())
        return cls(int(request.form), line, heads, request.keep_form, request.rhyming)

    @property
    def sign(self) -> str:
        return FORMS[self.form]

    @property
    def limit(self) -> int:
        """Characters of the whole poem at most."""
        return LINES * (self.form + 1) if self.keep_form else LONGEST

    def demand(self, text: str) -> str:
        """The character that must come after this text; nothing where it is free."""
        line, column = place_of(text)
        if not column and line < len(self.heads):
            self.given.add(len(text))
            return self.heads[line]
        return ENDS[line] if self.keep_form and column == self.form else ""

    def allowed(self, text: str, model: CharModel) -> "Tensor | None":
        """Which tokens (vocabulary,) may come after this text; None for all."""
        if not self.keep_form:
            return None
        if self.rhyming and place_of(text) == (LINES - 1, self.form - 1):
            return rhyming(model, text.replace(STOP, COMMA).split(COMMA)[1][-1])
        return characters(model)

    def bind(self, model: CharModel, draw: Draw) -> Draw:
        """Draws from what the plan allows."""

        def drawing(logits: "Tensor", before: Sequence[int]) -> int:
            text = model.alphabet.decode(before[1:])
            if character := self.demand(text):
                return model.alphabet.encode(character)[0]
            if (allowed := self.allowed(text, model)) is not None:
                logits = logits.masked_fill(~allowed.to(logits.device), -float("inf"))
            return draw(logits, before)

        return drawing


def place_of(text: str) -> tuple[int, int]:
    """The line and the column, from 0, of what comes after a text."""
    lines = text.replace(STOP, COMMA).split(COMMA)
    return len(lines) - 1, len(lines[-1])


def characters(model: CharModel) -> "Tensor":
    """Which tokens (vocabulary,) are characters rather than signs of the form."""
    if "characters" not in model.kept:
        import torch

        model.kept["characters"] = torch.arange(len(model.network.vocabulary)) >= len(VERSE)
    found: Tensor = model.kept["characters"]
    return found


def rhyming(model: CharModel, character: str) -> "Tensor":
    """Which tokens (vocabulary,) rhyme with a character; all characters where none does."""
    import torch

    vocabulary = model.network.vocabulary
    if "groups" not in model.kept:
        model.kept["groups"] = [rhyme.group(c) for c in vocabulary]
    wanted = rhyme.group(character)
    allowed = torch.tensor([g is not None and g == wanted for g in model.kept["groups"]])
    allowed[model.alphabet.encode(character)] = False
    return allowed if allowed.any() else characters(model)
