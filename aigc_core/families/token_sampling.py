"""How the next token is drawn from a language model's logits."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aigc_core.tasks.text import ContinueText

if TYPE_CHECKING:
    from torch import Tensor

Draw = Callable[["Tensor"], int]


def sampler(request: ContinueText) -> Draw:
    """Draws a token from logits (1, vocabulary) in float32, the request's seed behind it.

    The random numbers are the CPU's, so that they are the same for every device.
    """
    import torch
    from transformers import TemperatureLogitsWarper, TopPLogitsWarper

    if request.temperature == 0:
        return lambda logits: int(logits.argmax())
    warpers: list[Any] = []
    if request.temperature != 1:
        warpers.append(TemperatureLogitsWarper(request.temperature))
    if request.top_p < 1:
        warpers.append(TopPLogitsWarper(request.top_p))
    rng = torch.Generator().manual_seed(request.seed)

    def draw(logits: "Tensor") -> int:
        none = logits.new_empty((1, 0), dtype=torch.long)
        for warper in warpers:
            logits = warper(none, logits)
        return int(logits.softmax(-1).cpu().multinomial(1, generator=rng))

    return draw
