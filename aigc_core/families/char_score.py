"""What a text costs a character model."""

from collections.abc import Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_core.events import FamilyEvent, Finished, Output, Progress
from aigc_core.families.char_model import PIECE, CharModel, Events, form_of
from aigc_core.families.characters import FORMS
from aigc_core.media import Numbers
from aigc_core.tasks.text import ScoreText
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

AXES = ("figure", "token")
SCORING = Text("scoring", "正在打分")


def score(model: CharModel, request: ScoreText) -> Events:
    """The cost, the entropy and the rank of each character.

    Before the first character of a poem stands the sign of its form, so that it has a cost too.
    """
    read = model.alphabet.something(request.text)
    sign = FORMS[form_of(read.text)] if model.alphabet.verse else ""
    ids = model.alphabet.encode(sign + read.text)
    figures = yield from figured(model, ids)
    figures = figures[:, len(sign) :]
    scored = figures[0, np.isfinite(figures[0])]
    details: dict[str, Any] = {
        "tokens": list(read.text),
        "characters": len(scored),
        "nats": round(float(scored.sum(dtype=np.float64)), 4),
        "left_out": read.left_out,
    }
    yield Finished((Output(Numbers(figures, AXES), seed=0, details=details),))


def figured(model: CharModel, ids: list[int]) -> Generator[FamilyEvent, None, np.ndarray]:
    """Cost, entropy and rank (3, n) of each character; the first has none."""
    figures = np.full((3, len(ids)), np.nan, np.float32)
    state: Any = None
    yield Progress(0, len(ids), SCORING)
    for start, end, first in parts(len(ids), model.context):
        if model.context:
            state = None  # A window knows nothing of what was before it.
        following = ids[first + 1 : end + 1]
        use = partial(measured, following=following, skip=first - start)
        part, state = model.step([ids[start:end]], state, use)
        figures[:, first + 1 : first + 1 + len(following)] = part
        yield Progress(end, len(ids), SCORING)
    return figures


def parts(length: int, context: int | None) -> Iterator[tuple[int, int, int]]:
    """(start, end, first) of what is read in a step: from `first` on it tells what comes next.

    A recurrent network reads piece after piece. A Transformer reads windows of its context, each
    half of one further than the last and told from for its second half alone: so every character
    has at least half a context before it, or all that there is.
    """
    if context is None:
        for start in range(0, length, PIECE):
            yield start, min(start + PIECE, length), start
        return
    start, told = 0, 0
    while told < length - 1:
        end = min(start + context, length)
        yield start, end, told
        start, told = start + max(1, context // 2), end


def measured(logits: "Tensor", following: list[int], skip: int) -> np.ndarray:
    """Cost, entropy and rank (3, t) of what follows the place `skip`, by logits (1, n, vocabulary).

    n may be one more than there is to tell: nothing follows the last place of a text.
    """
    import torch

    logits = logits[0, skip : skip + len(following)]
    log_p = logits.log_softmax(-1)
    own = torch.tensor(following, device=logits.device, dtype=torch.long).unsqueeze(1)
    cost = -log_p.gather(1, own)
    entropy = -(log_p.exp() * log_p).sum(1, keepdim=True)
    rank = 1 + (logits > logits.gather(1, own)).sum(1, keepdim=True)
    return torch.cat([cost, entropy, rank.float()], dim=1).T.cpu().numpy()
