"""Each choice of a character model: the candidates, and how sampling reshapes them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Output
from aigc_core.families.char_model import CharModel, Events, prompt_of, write
from aigc_core.families.characters import END
from aigc_core.families.token_sampling import sampler, shaped
from aigc_core.media import Writing
from aigc_core.tasks.text import TraceText
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

NO_TOKEN = Text(
    "The model has no token {number}; its tokens are 0 to {last}.",
    "此模型没有编号为 {number} 的词元；编号从 0 到 {last}。",
)
TOO_MANY = Text(
    "{count} tokens are chosen, but no more than {most} are to be written.",
    "已选 {count} 个词元，但最多只写 {most} 个。",
)


def trace(model: CharModel, request: TraceText) -> Events:
    """The continuation, with the candidates of each step.

    A forced token takes the place of the drawn one, whose random numbers are used up all the same:
    what is forced as it would have been drawn changes nothing.
    """
    forced, vocabulary = request.forced, model.network.vocabulary
    for number in forced:
        if number >= len(vocabulary):
            raise InvalidRequest(NO_TOKEN, number=number, last=len(vocabulary) - 1)
    if len(forced) > request.tokens:
        raise InvalidRequest(TOO_MANY, count=len(forced), most=request.tokens)
    prompt = prompt_of(model, request.prompt)
    choose, steps = sampler(request), list[dict[str, Any]]()

    def draw(logits: "Tensor", before: Sequence[int]) -> int:
        token = choose(logits, before)
        if len(steps) < len(forced):
            token = forced[len(steps)]
        steps.append(step_of(logits, before, token, request, vocabulary))
        return token

    stop = END if model.alphabet.verse else ""
    written = yield from write(model, prompt, draw, request.tokens, stop=stop)
    details = {**prompt.details, **written.details, "steps": steps}
    yield Finished((Output(Writing(written.text), request.seed, details),))


def step_of(
    logits: "Tensor", before: Sequence[int], token: int, request: TraceText, vocabulary: str
) -> dict[str, Any]:
    """A choice as the record tells it, by logits (1, vocabulary)."""
    log_p = logits[0].log_softmax(-1)
    p, q = log_p.exp(), drawn_from(logits, before, request)
    likeliest = p.topk(min(request.candidates, len(p))).indices.tolist()
    if token not in likeliest:
        likeliest[-1] = token
    return {
        "id": token,
        "text": vocabulary[token],
        "entropy": round(float(-(p * log_p).sum()), 4),
        "candidates": [
            [number, vocabulary[number], round(float(p[number]), 6), round(float(q[number]), 6)]
            for number in likeliest
        ],
    }


def drawn_from(logits: "Tensor", before: Sequence[int], request: TraceText) -> "Tensor":
    """The probabilities (vocabulary,) by which a token is drawn."""
    import torch

    changed = shaped(logits, request, before)[0]
    if request.temperature == 0:
        only = torch.zeros_like(changed)
        only[changed.argmax()] = 1.0
        return only
    return changed.softmax(-1)
