"""What a language model makes of a text: the cost of each token, and the choices it had."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Output, Preview, Progress
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.causal_writing import CUT, WRITING, Events, read
from aigc_core.families.text_stream import TextStream
from aigc_core.families.token_sampling import sampler, shaped
from aigc_core.media import Numbers, Writing
from aigc_core.tasks.text import ScoreText, TraceText
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

# Tokens whose logits are held at once: of a large vocabulary they take 40 MB in float32.
SCORED = 64
SCORING = Text("reading the text", "正在读取文本")
NO_TOKEN = Text(
    "This model has no token {token}; its tokens have the numbers 0 to {last}.",
    "此模型没有词元 {token}；词元编号为 0 到 {last}。",
)
TOO_MANY = Text(
    "{count} tokens are chosen, but no more than {most} are to be written.",
    "已选 {count} 个词元，但最多只写 {most} 个。",
)


def score(model: LoadedText, request: ScoreText) -> Events:
    """What each token of a text costs: -log p, the entropy it was drawn from, and its rank.

    A text longer than the context is read in windows that overlap by half, so that every token
    has at least half a context before it.
    """
    import numpy as np

    tokens = model.encode(request.text)
    figures = np.full((3, len(tokens)), np.nan, np.float32)
    piece = min(model.piece, SCORED)
    yield Progress(0, len(tokens), SCORING)
    for start, known, end in windows(len(tokens), model.context):
        cache: Any = None
        for left in range(start, end, piece):
            right = min(left + piece, end)
            after = tokens[left + 1 : right + 1]
            costs, cache = model.step(
                tokens[left:right],
                cache,
                lambda logits, after=after: costs_of(logits, after),  # type: ignore[misc]
                every=True,
            )
            fresh = max(0, known - left - 1)  # The windows before have told those before it.
            figures[:, left + 1 + fresh : left + 1 + len(after)] = costs[:, fresh:]
            yield Progress(max(known, right), len(tokens), SCORING)
    # What a tokenizer puts before every text is no part of it, but lets the first token be scored.
    lead = 1 if tokens[0] == model.first else 0
    texts = model.texts_of(tokens[lead:])
    scored = texts if lead else texts[1:]
    details = {
        "tokens": texts,
        "characters": sum(map(len, scored)),
        "nats": round(float(np.nansum(figures[0], dtype=np.float64)), 4),
    }
    yield Finished((Output(Numbers(figures[:, lead:], ("figure", "token")), 0, details),))


def windows(count: int, context: int) -> Iterator[tuple[int, int, int]]:
    """Where windows over `count` tokens start, up to where earlier ones have told, and end."""
    start = known = 0
    while known < count:
        end = min(start + context, count)
        yield start, known, end
        start, known = end - context // 2, end


def costs_of(logits: "Tensor", after: Sequence[int]) -> Any:
    """Cost and entropy in nats, and rank from 1, of the tokens that came: (3, len(after))."""
    import torch

    logits = logits[: len(after)]
    targets = torch.tensor(after, device=logits.device, dtype=torch.long).unsqueeze(1)
    logs = logits.log_softmax(-1)
    own = logs.gather(1, targets)
    rank = (logs > own).sum(-1) + 1
    # A probability of 0 adds nothing: 0 log 0 is 0 here.
    entropy = -(logs.exp() * logs.clamp(min=-1e4)).sum(-1)
    return torch.stack([-own[:, 0], entropy, rank.to(logs.dtype)]).cpu().numpy()


class Candidate(NamedTuple):
    """A token that might have come.

    Args:
        p: its probability by the model itself.
        q: in the distribution that was drawn from.
    """

    id: int
    p: float
    q: float


@dataclass(frozen=True)
class Chosen:
    """One step: what came, and what might have come, by falling p."""

    id: int
    entropy: float
    candidates: list[Candidate]


def trace(model: LoadedText, request: TraceText) -> Events:
    """Writes token after token, and keeps the candidates of each step.

    Forced tokens use up a random number as drawn ones do: where a text is forced as it was drawn,
    it goes on as it did. An end that the model chooses is the last step, and no part of the text.

    Raises:
        InvalidRequest: a forced token that the model does not have, or too many of them.
    """
    forced = request.forced
    for token in forced:
        if token >= model.words:
            raise InvalidRequest(NO_TOKEN, token=token, last=model.words - 1)
    if len(forced) > request.tokens:
        raise InvalidRequest(TOO_MANY, count=len(forced), most=request.tokens)
    prompt, cut = model.fitted(model.encode(request.prompt), request.tokens)
    if cut:
        yield Progress(0, len(prompt), CUT.fill(count=cut))
    limit = min(request.tokens, model.context - len(prompt))
    before, steps = list(prompt), list[dict[str, Any]]()
    choose = chooser(request, before)
    stream, written = TextStream(model.text_of, prompt), list[int]()
    chosen, cache = yield from read(model, prompt, choose)
    yield Progress(0, limit, WRITING)
    while True:
        steps.append(
            {
                "id": chosen.id,
                "text": model.name_of(chosen.id, stream),
                "entropy": round(chosen.entropy, 4),
                "candidates": [
                    [one.id, model.name_of(one.id, stream), round(one.p, 6), round(one.q, 6)]
                    for one in chosen.candidates
                ],
            }
        )
        if chosen.id in model.ends:
            break
        written.append(chosen.id)
        before.append(chosen.id)
        yield Preview(Writing(stream.add(chosen.id)), step=len(written))
        if len(written) == limit:
            break
        chosen, cache = model.step([chosen.id], cache, choose)
    details = {
        "prompt_tokens": len(prompt),
        "tokens": len(written),
        "ended": "by itself" if chosen.id in model.ends else "at the limit",
        "steps": steps,
    } | ({"cut": cut} if cut else {})
    yield Finished((Output(Writing(model.decode(prompt, written)), request.seed, details),))


def chooser(request: TraceText, before: list[int]) -> Any:
    """Chooses the next token from logits (1, vocabulary), as forced or by chance.

    Args:
        before: the prompt and what was written; it grows from step to step.
    """
    forced, draw, read = request.forced, sampler(request), len(before)

    def choose(logits: "Tensor") -> Chosen:
        drawn = draw(logits, before)
        place = len(before) - read
        token = forced[place] if place < len(forced) else drawn
        logs = logits[0].log_softmax(-1)
        own = logs.exp()
        count = min(request.candidates, len(own))
        ids = own.topk(count).indices.tolist()
        if token not in ids:
            ids[-1] = token
        used = used_probabilities(logits, request, before)
        entropy = float(-(own * logs.clamp(min=-1e4)).sum())
        return Chosen(
            token, entropy, [Candidate(id, float(own[id]), float(used[id])) for id in ids]
        )

    return choose


def used_probabilities(logits: "Tensor", request: TraceText, before: Sequence[int]) -> "Tensor":
    """The distribution (vocabulary,) that a token is drawn from; at temperature 0 a single one."""
    import torch

    logits = shaped(logits, request, before)[0]
    if request.temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(), len(logits)).float()
    return logits.softmax(-1)
