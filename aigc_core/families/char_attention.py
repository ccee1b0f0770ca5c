"""Character models with attention, whose heads can be looked into and switched off."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Output, Progress
from aigc_core.families import Answer, char_lm
from aigc_core.families.char_model import CharModel, Events, Prompt, load, prompt_of
from aigc_core.media import Numbers
from aigc_core.tasks.attention import AttendText, RankHeads
from aigc_core.tasks.base import Request
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.models.char_transformer import CharTransformer, Watch

__all__ = ["ANSWERS", "HEADS", "load"]

# The likeliest next tokens that are told.
NEXT = 10

READING = Text("reading", "正在读取")
SWITCHING = Text("switching off one head after the other", "正在逐一关闭注意力头")
NO_HEAD = Text(
    "There is no head {layer}.{head}: the model has {layers} layers of {heads} heads, from 0.0 to "
    "{last}.",
    "没有注意力头 {layer}.{head}：此模型有 {layers} 层，每层 {heads} 个头，从 0.0 到 {last}。",
)


def attend(model: CharModel, request: AttendText) -> Events:
    """The weights of all heads over the text, and the next token with some of them switched off.

    What a later layer looks at is what the heads before it have left it: the weights are those of
    the pass in which the heads are off.
    """
    network, off = transformer(model), request.heads_off
    layers, heads = len(network.blocks), network.heads
    for layer, head in sorted(off):
        if layer >= layers or head >= heads:
            last = f"{layers - 1}.{heads - 1}"
            raise InvalidRequest(
                NO_HEAD, layer=layer, head=head, layers=layers, heads=heads, last=last
            )
    prompt = prompt_of(model, request.text)
    yield Progress(0, 2, READING)
    whole, _ = following(model, prompt)
    yield Progress(1, 2, READING)
    rest, watch = following(model, prompt, off)
    maps = np.stack([map[0].float().cpu().numpy() for map in watch.maps])
    vocabulary = model.network.vocabulary
    p, q = whole.exp(), rest.exp()
    # Those of the one and of the other, so that what comes up where heads are off is seen too.
    likeliest = p.maximum(q).topk(min(NEXT, len(p))).indices
    likeliest = likeliest[p[likeliest].argsort(descending=True)]
    details = {
        **told(model, prompt),
        "next": [
            [vocabulary[number], round(float(p[number]), 6), round(float(q[number]), 6)]
            for number in likeliest.tolist()
        ],
        "moved": round(divergence(whole, rest), 6),
    }
    axes = ("layer", "head", "token", "looks at")
    yield Finished((Output(Numbers(maps, axes), seed=0, details=details),))


def rank(model: CharModel, request: RankHeads) -> Events:
    """How far the next token's distribution moves without each head."""
    network, prompt = transformer(model), prompt_of(model, request.text)
    layers, heads = len(network.blocks), network.heads
    moved, total = np.zeros((layers, heads), np.float32), layers * heads
    yield Progress(0, total, SWITCHING)
    whole, _ = following(model, prompt)
    for place in range(total):
        layer, head = divmod(place, heads)
        rest, _ = following(model, prompt, frozenset([(layer, head)]))
        moved[layer, head] = divergence(whole, rest)
        yield Progress(place + 1, total, SWITCHING)
    details = told(model, prompt)
    yield Finished((Output(Numbers(moved, ("layer", "head")), seed=0, details=details),))


def following(
    model: CharModel, prompt: Prompt, off: frozenset[tuple[int, int]] = frozenset()
) -> "tuple[Tensor, Watch]":
    """log p (vocabulary,) of the next token on the CPU, and what the heads looked at."""
    import torch

    from aigc_core.models.char_transformer import Watch

    watch = Watch(off=off)
    with model.placement.gate.step(), torch.inference_mode():
        ids = torch.tensor([prompt.ids], device=model.placement.device)
        logits, _ = transformer(model)(ids, None, watch)
        return logits[0, -1].double().log_softmax(-1).cpu(), watch


def divergence(log_p: "Tensor", log_q: "Tensor") -> float:
    """The Kullback-Leibler divergence of q from p in nats."""
    return max(0.0, float((log_p.exp() * (log_p - log_q)).sum()))


def told(model: CharModel, prompt: Prompt) -> dict[str, Any]:
    # The sign of a poem's form is a token that the heads look at as at any other.
    tokens = list(model.alphabet.decode(prompt.ids))
    return {"tokens": tokens, "cut": prompt.cut, "left_out": prompt.left_out}


def transformer(model: CharModel) -> "CharTransformer":
    return cast("CharTransformer", model.network)


HEADS: dict[type[Request], Answer] = {AttendText: attend, RankHeads: rank}
ANSWERS: dict[type[Request], Answer] = {**char_lm.ANSWERS, **HEADS}
