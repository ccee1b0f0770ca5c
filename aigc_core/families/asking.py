"""What is asked of a model that follows instructions, and what it says, wherever it runs."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from aigc_core.events import FamilyEvent
from aigc_core.media import Writing
from aigc_core.tasks.text import Sampling
from aigc_core.tasks.writing import Message
from aigc_core.text import Text


@dataclass(frozen=True)
class Wish:
    """What is put to a model: one message of the user, and what stands before it.

    Args:
        say: the message, given as much of the material as there is room for.
        material: the text that it is about.
        keep: which end of the material stays where it is too long.
        system: instructions that hold from the start.
        older: earlier turns, of which the oldest go where there is no room.
    """

    say: Callable[[str], str]
    material: str
    keep: Literal["start", "end"] = "start"
    system: str = ""
    older: tuple[Message, ...] = ()

    def turns(self, material: str, older: tuple[Message, ...]) -> list[dict[str, str]]:
        """The conversation as chat templates and servers take it."""
        first = [{"role": "system", "content": self.system}] if self.system.strip() else []
        between = [{"role": one.role, "content": one.content} for one in older]
        return [*first, *between, {"role": "user", "content": self.say(material)}]


@dataclass(frozen=True)
class Said:
    """What a model said to a wish.

    Args:
        details: for the record: `tokens`, `ended` and the like.
        tolerance: as of an `Output`.
    """

    writing: Writing
    details: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0


def as_it_is(writing: Writing) -> Writing:
    return writing


class Chatter(Protocol):
    """A model that can be asked."""

    def ask(
        self,
        wish: Wish,
        sampling: Sampling,
        tokens: int,
        *,
        thinking: bool = False,
        shown: Callable[[Writing], Writing] = as_it_is,
        note: Text | None = None,
    ) -> Generator[FamilyEvent, None, Said]:
        """Puts a wish and tells how the answer grows; returns all that was said.

        Args:
            tokens: how many it may say at most.
            thinking: whether it may think first, where it can.
            shown: the preview of an answer so far.
            note: what it is doing.
        """
        ...

    def texts(self, text: str, /) -> list[str]:
        """The texts of the tokens that a text consists of; nothing where nobody knows them."""
        ...
