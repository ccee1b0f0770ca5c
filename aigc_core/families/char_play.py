"""Character models that have read plays: a conversation is a scene, and a brief its beginning."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Output
from aigc_core.families.char_model import CharModel, Events, prompt_of, write
from aigc_core.families.token_sampling import Draw, sampler
from aigc_core.media import Writing
from aigc_core.tasks.writing import ChatText, Message, WriteText
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

VISITOR, SPEAKER = "STRANGER", "ROMEO"
# The name of a speaker: words in capital letters.
NAME = re.compile(r"\b[A-Z]{3,20}(?: [A-Z]{2,20}){0,2}\b")
# What a speech ends with.
STOP = "\n\n"
# Characters of a scene that are read: more than any model has learned to look back over.
SCENE = 2_000

SCRIPT_ALONE = Text(
    "This model has read nothing but plays: choose “{own}” instead of “{genre}”.",
    "此模型只读过剧本：请选择“{own}”，而不是“{genre}”。",
)
ONE_PART = Text(
    "This model writes one section at a time. Ask for one.", "此模型一次只写一节。请选择一节。"
)


def chat(model: CharModel, request: ChatText) -> Events:
    """The next speech of a scene between a stranger and somebody of the plays.

    Who answers is the first name in capital letters that the instructions hold; the model follows
    no others.
    """
    turns = request.turns
    model.alphabet.something(turns[-1].content)
    found = NAME.search(request.system)
    speaker = found[0] if found else SPEAKER
    prompt = prompt_of(model, scene(turns, speaker), most=SCENE)
    draw = no_blank(model, sampler(request))
    written = yield from write(model, prompt, draw, request.tokens, stop=STOP, show=str.rstrip)
    details = {**prompt.details, **written.details, "speaker": speaker}
    yield Finished((Output(Writing(written.text.rstrip()), request.seed, details),))


def scene(messages: Sequence[Message], speaker: str) -> str:
    """A conversation as the plays print one, up to the next speech."""
    names = {"user": VISITOR, "assistant": speaker}
    speeches = [f"{names[m.role]}:\n{one_speech(m.content)}{STOP}" for m in messages]
    return "".join(speeches) + f"{speaker}:\n"


def one_speech(text: str) -> str:
    """A message without blank lines, which would end the speech."""
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def no_blank(model: CharModel, draw: Draw) -> Draw:
    """Draws no line end before a speech has begun."""
    newline, begun = model.network.vocabulary.find("\n"), False

    def drawing(logits: "Tensor", before: Sequence[int]) -> int:
        nonlocal begun
        if not begun and newline >= 0:
            logits = logits.clone()
            logits[:, newline] = -float("inf")
        begun = True
        return draw(logits, before)

    return drawing


def script(model: CharModel, request: WriteText) -> Events:
    """A scene that begins with the brief, as far as the model knows its characters."""
    check_genre(request, "script", SCRIPT_ALONE)
    model.alphabet.something(request.brief)
    prompt = prompt_of(model, one_speech(request.brief) + STOP, most=SCENE)
    written = yield from write(model, prompt, sampler(request), request.tokens)
    details = {**prompt.details, **written.details}
    yield Finished((Output(Writing(written.text), request.seed, details),))


def check_genre(request: WriteText, genre: str, alone: Text) -> None:
    """Nothing where this genre is asked for, in one section.

    Raises:
        InvalidRequest: another is, or more sections.
    """
    if request.genre != genre:
        names = {choice.value: choice.name for choice in WriteText.shown("genre").choices}
        raise InvalidRequest(alone, own=names[genre], genre=names[request.genre])
    if request.parts > 1:
        raise InvalidRequest(ONE_PART)
