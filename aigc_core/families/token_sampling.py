"""How the next token is drawn from a language model's logits.

The filters and their order are those of transformers' `generate`, without its import, which takes
longer than a small model's whole answer.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aigc_core.tasks.text import Sampling

if TYPE_CHECKING:
    from torch import Tensor

# Draws a token's number from logits (1, vocabulary) in float32, knowing the tokens before.
Draw = Callable[["Tensor", Sequence[int]], int]


def sampler(request: Sampling) -> Draw:
    """Draws tokens as the request wishes, its seed behind it.

    The random numbers are the CPU's, so that they are the same for every device.
    """
    import torch

    rng = torch.Generator().manual_seed(request.seed)

    def draw(logits: "Tensor", before: Sequence[int]) -> int:
        logits = shaped(logits, request, before)
        if request.temperature == 0:
            return int(logits.argmax())
        return int(logits.softmax(-1).cpu().multinomial(1, generator=rng))

    return draw


def shaped(logits: "Tensor", request: Sampling, before: Sequence[int] = ()) -> "Tensor":
    """Logits (1, vocabulary) whose softmax is what is drawn from; -inf where nothing is left.

    At temperature 0 they are those of the whole distribution, of which the likeliest is taken.
    """
    if request.repetition_penalty != 1 and before:
        logits = penalised(logits, before, request.repetition_penalty)
    if request.temperature == 0:
        return logits
    logits = logits / request.temperature
    if 0 < request.top_k < logits.shape[-1]:
        least = logits.topk(request.top_k).values[..., -1:]
        logits = logits.masked_fill(logits < least, -float("inf"))
    if request.top_p < 1:
        logits = nucleus(logits, request.top_p)
    if request.min_p > 0:
        probabilities = logits.softmax(-1)
        least = request.min_p * probabilities.amax(-1, keepdim=True)
        logits = logits.masked_fill(probabilities < least, -float("inf"))
    return logits


def penalised(logits: "Tensor", before: Sequence[int], penalty: float) -> "Tensor":
    """Tokens that have occurred, made less likely (Keskar et al. 2019, arXiv 1909.05858)."""
    import torch

    seen = torch.tensor([sorted(set(before))], device=logits.device)
    score = logits.gather(1, seen)
    score = torch.where(score < 0, score * penalty, score / penalty)
    return logits.scatter(1, seen, score)


def nucleus(logits: "Tensor", top_p: float) -> "Tensor":
    """The likeliest tokens, as many as together reach `top_p` (Holtzman et al. 2020, 1904.09751).

    The others are -inf.
    """
    ordered, order = logits.sort(descending=False)
    unlikely = ordered.softmax(-1).cumsum(-1) <= 1 - top_p
    unlikely[..., -1] = False
    return logits.masked_fill(unlikely.scatter(1, order, unlikely), -float("inf"))
