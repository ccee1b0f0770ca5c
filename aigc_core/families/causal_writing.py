"""How a language model writes: it reads a prompt in pieces, then draws token after token."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.text_stream import TextStream
from aigc_core.families.token_sampling import sampler
from aigc_core.media import Writing
from aigc_core.tasks.text import ContinueText, Sampling
from aigc_core.text import Text

Events = Generator[FamilyEvent, None, None]
T = TypeVar("T")

READING = Text("reading the prompt", "正在读取提示词")
WRITING = Text("writing", "正在生成")
CUT = Text(
    "The prompt is too long: its first {count} tokens are left out",
    "提示词过长：略去最前面的 {count} 个词元",
)


@dataclass(frozen=True)
class Written:
    """What was written.

    Args:
        ended: whether the model ended it, rather than the limit.
    """

    text: str
    tokens: list[int]
    ended: bool

    def details(self, prompt: Sequence[int], cut: int = 0) -> dict[str, Any]:
        """What the record says of it; `cut` tokens of the prompt were left out."""
        return {
            "prompt_tokens": len(prompt),
            "tokens": len(self.tokens),
            "ended": "by itself" if self.ended else "at the limit",
        } | ({"cut": cut} if cut else {})


def continue_text(model: LoadedText, request: ContinueText) -> Events:
    """The prompt's continuation, a `Preview` of it after each token.

    A prompt that leaves no room is cut from the left; `details["cut"]` says by how many tokens.
    """
    prompt, cut = model.fitted(model.encode(request.prompt), request.tokens)
    if cut:
        yield Progress(0, len(prompt), CUT.fill(count=cut))
    written = yield from write(model, prompt, request, request.tokens)
    details = written.details(prompt, cut)
    yield Finished((Output(Writing(written.text), request.seed, details),))


def write(
    model: LoadedText,
    prompt: list[int],
    request: Sampling,
    limit: int,
    *,
    shown: Callable[[str], Writing] = Writing,
    note: Text = WRITING,
) -> Generator[FamilyEvent, None, Written]:
    """Goes on from a prompt, by at most `limit` tokens or what the context has left.

    Args:
        shown: the preview of a text so far.
        note: what it is doing.
    """
    draw = sampler(request)
    before = list(prompt)
    limit = min(limit, model.context - len(prompt))
    token, cache = yield from read(model, prompt, lambda logits: draw(logits, before))
    yield Progress(0, limit, note)
    written: list[int] = []
    stream = TextStream(model.text_of, prompt)
    while token not in model.ends:
        written.append(token)
        before.append(token)
        yield Preview(shown(stream.add(token)), step=len(written))
        if len(written) == limit:
            break
        token, cache = model.step([token], cache, lambda logits: draw(logits, before))
    # Bytes that never became a character count too, as the decoder writes them.
    return Written(model.decode(prompt, written), written, token in model.ends)


def read(
    model: LoadedText, prompt: Sequence[int], look: Callable[[Any], T]
) -> Generator[FamilyEvent, None, tuple[T, Any]]:
    """Reads a prompt piece by piece and looks at what may follow it; returns as `step`."""
    cache: Any = None
    yield Progress(0, len(prompt), READING)
    start = 0
    while len(prompt) - start > model.piece:
        _, cache = model.step(prompt[start : start + model.piece], cache, lambda _: None)
        start += model.piece
        yield Progress(start, len(prompt), READING)
    found, cache = model.step(prompt[start:], cache, look)
    yield Progress(len(prompt), len(prompt), READING)
    return found, cache
