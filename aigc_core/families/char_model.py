"""A character model on its device, and one text that is read and written with it."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from aigc_core.catalog import Entry
from aigc_core.checkpoint import load_network
from aigc_core.events import FamilyEvent, Preview, Progress
from aigc_core.families.characters import COMMA, FORMS, STOP, Alphabet
from aigc_core.families.token_sampling import Draw
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.models.protocols import LanguageModel

# Characters of a prompt that are read in one step, so that a run can be stopped between.
PIECE = 256

Made = TypeVar("Made")
Events = Generator[FamilyEvent, None, None]

READING = Text("reading the prompt", "正在读取提示词")
WRITING = Text("writing", "正在生成")


@dataclass
class CharModel:
    """A network on its device, and the characters that it knows."""

    network: "LanguageModel"
    placement: Placement
    # What is dear to compute and the same for every request.
    kept: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.alphabet = Alphabet(self.network.vocabulary)
        self.context = self.network.context

    def step(
        self, rows: Sequence[Sequence[int]], state: Any, use: "Callable[[Tensor], Made]"
    ) -> "tuple[Made, Any]":
        """Reads ids after those that the state stands for.

        Args:
            use: what is wanted of the logits (n, t, vocabulary) in float32.

        Returns:
            What `use` made of them, and the new state.
        """
        import torch

        with self.placement.gate.step(), torch.inference_mode():
            ids = torch.tensor(rows, device=self.placement.device)
            logits, state = self.network(ids, state)
            return use(logits.float()), state

    def close(self) -> None:
        self.kept.clear()


def load(entry: Entry, placement: Placement, step: Callable[[], None]) -> CharModel:
    """The catalog's network, its weights read strictly, on the placement's device.

    Raises:
        ModelUnavailable: there is no such network, or its checkpoint does not fit.
    """
    made = load_network(entry.network_class, entry.folder, entry.revision)
    step()
    return CharModel(made.to(placement.device), placement)


@dataclass(frozen=True)
class Prompt:
    """What a model goes on from.

    Args:
        ids: its numbers, of which the first `signs` are no characters of the visitor's.
        left_out: characters that the model does not know.
        cut: how many were cut from the left, since they do not fit into the context.
    """

    ids: list[int]
    left_out: str
    cut: int = 0
    signs: int = 0

    @property
    def details(self) -> dict[str, Any]:
        return {
            "prompt_tokens": len(self.ids) - self.signs,
            "cut": self.cut,
            "left_out": self.left_out,
        }


def prompt_of(model: CharModel, text: str, *, most: int | None = None) -> Prompt:
    """A visitor's text as the model reads it: the end of it that fits.

    A poem begins with the sign of its form, which is told from the text.

    Args:
        most: characters to read, where that is less than the context.

    Raises:
        InvalidRequest: the model knows nothing of it.
    """
    read = model.alphabet.something(text)
    sign = FORMS[form_of(read.text)] if model.alphabet.verse else ""
    room = min(most or len(read.text), (model.context or len(read.text) + 1) - len(sign))
    kept = read.text[-room:]
    ids = model.alphabet.encode(sign + kept)
    return Prompt(ids, read.left_out, len(read.text) - len(kept), len(sign))


def form_of(text: str) -> int:
    """How many characters the lines of a poem have of which this is the beginning, 5 or 7."""
    first = text.replace(STOP, COMMA).partition(COMMA)[0]
    return 5 if len(first) <= 5 else 7


class Reader:
    """A text that a model reads on, character by character.

    A Transformer cannot look back further than its context. Where that is full, the last half of
    it is read anew as if the text began there, and the other half is room to go on: so a character
    costs one place's work most of the time, and has half a context before it at least.

    Attributes:
        ids: all that was read.
    """

    def __init__(self, model: CharModel) -> None:
        self.ids: list[int] = []
        self._model = model
        self._places, self._state = 0, None

    def read(self, ids: Sequence[int], draw: Draw | None) -> int:
        """Reads on, no more than the context holds, and draws what comes next (-1 without)."""
        self.ids += ids
        context = self._model.context
        if context and self._places + len(ids) > context:
            self._places, self._state = 0, None
            ids = self.ids[-max(len(ids), context // 2) :]
        token, self._state = self._model.step(
            [ids], self._state, lambda logits: draw(logits[:, -1], self.ids) if draw else -1
        )
        self._places += len(ids)
        return token

    def start(self, ids: Sequence[int], draw: Draw) -> Generator[FamilyEvent, None, int]:
        """Reads a prompt in pieces, telling how far it is; returns the token that is drawn then."""
        token = -1
        yield Progress(0, len(ids), READING)
        for start in range(0, len(ids), PIECE):
            end = min(start + PIECE, len(ids))
            token = self.read(ids[start:end], draw if end == len(ids) else None)
            yield Progress(end, len(ids), READING)
        return token


@dataclass(frozen=True)
class Written:
    """What a model wrote.

    Args:
        text: without the stop.
        ended: whether the model ended it.
    """

    text: str
    ended: bool

    @property
    def details(self) -> dict[str, Any]:
        return {
            "tokens": len(self.text),
            "ended": "by itself" if self.ended else "at the limit",
        }


def write(
    model: CharModel,
    prompt: Prompt,
    draw: Draw,
    limit: int,
    *,
    stop: str = "",
    show: Callable[[str], str] = str,
) -> Generator[FamilyEvent, None, Written]:
    """Goes on from a prompt, with a `Preview` after each character.

    Args:
        limit: characters to write at most.
        stop: what ends the text where the model writes it.
        show: how the text is shown.
    """
    reader, vocabulary = Reader(model), model.network.vocabulary
    token = yield from reader.start(prompt.ids, draw)
    yield Progress(0, limit, WRITING)
    text = ""
    while True:
        text += vocabulary[token]
        if stop and text.endswith(stop):
            return Written(text.removesuffix(stop), ended=True)
        yield Preview(Writing(show(text)), step=len(text))
        if len(text) >= limit:
            return Written(text, ended=False)
        token = reader.read([token], draw)
