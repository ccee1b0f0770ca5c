"""A look into the heads of a Transformer of transformers, and switching them off.

transformers sends every attention through a function that it knows by name
(https://huggingface.co/docs/transformers/attention_interface). The one of this file passes all on
to `sdpa`, unless this thread watches: then it computes

    softmax(Q K^T * scale + mask) V

by the formula, keeps the weights and leaves out the heads that are off. A watch belongs to the
context of one step, so that two visitors never see or disturb each other.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import isqrt
from typing import TYPE_CHECKING, Any

from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Output, Progress
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.causal_writing import CUT, Events
from aigc_core.families.text_stream import TextStream
from aigc_core.media import Numbers
from aigc_core.tasks.attention import LONGEST, AttendText, RankHeads
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

NAME = "watched"
# Numbers in the maps of a whole model: 256 MB, within which a text is cut from the left.
MOST = 64_000_000
NEXT = 10

READING = Text("reading the text", "正在读取文本")
TRYING = Text("switching heads off, one at a time", "正在逐个关闭注意力头")
CLOSED = Text(
    "The attention of {model} cannot be shown: it does not use the standard implementation (SDPA).",
    "无法显示 {model} 的注意力：它没有采用标准实现（SDPA）。",
)
NO_HEAD = Text(
    "There is no head {head}: this model has {layers} layers of {heads} heads, counted from 0.",
    "没有注意力头 {head}：此模型有 {layers} 层，每层 {heads} 个头，从 0 数起。",
)

Head = tuple[int, int]


@dataclass
class Watch:
    """A look into the heads during one step.

    Args:
        off: for each text of the batch the heads, as (layer, head), that add nothing.
        keep: whether the weights are wanted.

    Attributes:
        maps: of each layer the weights (n, heads, t, t), on the CPU.
    """

    off: Sequence[frozenset[Head]]
    keep: bool = False
    maps: dict[int, "Tensor"] = field(default_factory=dict)


WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching(watch: Watch) -> Generator[None, None, None]:
    token = WATCH.set(watch)
    try:
        yield
    finally:
        WATCH.reset(token)


def watchable(network: Any) -> bool:
    """Lets a network's attention be watched, if it goes through the interface by way of `sdpa`."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    config = network.config.get_text_config()
    if not network._supports_attention_backend or config._attn_implementation != "sdpa":
        return False
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    network.set_attn_implementation(NAME)
    return str(config._attn_implementation) == NAME


def attention(
    module: Any,
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    attention_mask: "Tensor | None",
    **settings: Any,
) -> tuple["Tensor", "Tensor | None"]:
    """Attention as transformers asks for it: `sdpa`, or by the formula where somebody watches.

    Args:
        query: (n, heads, t, d); `key` and `value` may have fewer heads, each for a group of them.
        attention_mask: True where a place may be looked at, or what is added to the scores; None
            for every place up to the query's own.

    Returns:
        (n, t, heads, d), and the weights (n, heads, t, places) where somebody watches.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    watch = WATCH.get()
    if watch is None:
        mixed: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **settings
        )
        return mixed
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    weights = weights_of(query, key, attention_mask, **settings)
    if watch.keep:
        watch.maps[module.layer_idx] = weights.cpu()
    seen = (weights.to(value.dtype) @ value).transpose(1, 2).contiguous()
    for row, off in enumerate(watch.off):
        seen[row, :, [head for layer, head in off if layer == module.layer_idx]] = 0
    return seen, weights


def weights_of(
    query: "Tensor",
    key: "Tensor",
    mask: "Tensor | None",
    *,
    scaling: float | None = None,
    position_bias: "Tensor | None" = None,
    **_: Any,
) -> "Tensor":
    """softmax(Q K^T * scale + mask) in float32, (n, heads, t, places)."""
    import torch

    scale = query.shape[3] ** -0.5 if scaling is None else scaling
    scores = (query @ key.transpose(2, 3)).float() * scale
    if position_bias is not None:
        scores = scores + position_bias
    if mask is None:
        t, places = scores.shape[2:]
        mask = torch.ones(t, places, dtype=torch.bool, device=scores.device).tril(places - t)
    if mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    else:
        scores = scores + mask
    return scores.softmax(-1)


def attend(model: LoadedText, request: AttendText) -> Events:
    """The weights of all heads and what comes next, with some heads off."""
    layers, heads = shape_of(model)
    off = request.heads_off
    for layer, head in sorted(off):
        if layer >= layers or head >= heads:
            raise InvalidRequest(NO_HEAD, head=f"{layer}.{head}", layers=layers, heads=heads)
    tokens, cut = short(model, request.text, layers * heads)
    if cut:
        yield Progress(0, len(tokens), CUT.fill(count=cut))
    passes = 2 if off else 1
    yield Progress(0, passes, READING)
    # Without heads off both are the same.
    watch = Watch([off], keep=True)
    without = after(model, tokens, watch)[0]
    yield Progress(1, passes, READING)
    whole = after(model, tokens, Watch([frozenset()]))[0] if off else without
    if off:
        yield Progress(2, passes, READING)
    details = {
        "tokens": model.texts_of(tokens),
        "next": nexts(model, tokens, whole, without),
        "moved": round(float(divergence(whole, without.unsqueeze(0))[0]), 6),
    } | ({"cut": cut} if cut else {})
    grid = Numbers(maps(watch, layers, heads, len(tokens)), ("layer", "head", "token", "looks at"))
    yield Finished((Output(grid, 0, details),))


def rank_heads(model: LoadedText, request: RankHeads) -> Events:
    """How far the next token's distribution moves without each head.

    Several heads are tried in one step, each in a copy of the text of its own.
    """
    import numpy as np

    layers, heads = shape_of(model)
    tokens, cut = short(model, request.text, 1)
    every = [(layer, head) for layer in range(layers) for head in range(heads)]
    yield Progress(0, len(every), TRYING)
    whole = after(model, tokens, Watch([frozenset()]))[0]
    together = max(1, model.piece // len(tokens))
    moved: list[float] = []
    for start in range(0, len(every), together):
        tried = every[start : start + together]
        without = after(model, tokens, Watch([frozenset([head]) for head in tried]))
        moved += divergence(whole, without).tolist()
        yield Progress(len(moved), len(every), TRYING)
    grid = np.array(moved, np.float32).reshape(layers, heads)
    details = {"tokens": model.texts_of(tokens)} | ({"cut": cut} if cut else {})
    yield Finished((Output(Numbers(grid, ("layer", "head")), 0, details),))


def shape_of(model: LoadedText) -> tuple[int, int]:
    """How many layers, and heads in each.

    Raises:
        InvalidRequest: they cannot be watched.
    """
    if not model.watchable:
        raise InvalidRequest(CLOSED, model=model.id)
    config = model.network.config.get_text_config()
    return config.num_hidden_layers, config.num_attention_heads


def short(model: LoadedText, text: str, maps: int) -> tuple[list[int], int]:
    """The last tokens of a text, as many as so many maps leave room for; how many were cut."""
    tokens = model.encode(text)
    kept = tokens[-min(LONGEST, model.context, isqrt(MOST // maps)) :]
    return kept, len(tokens) - len(kept)


def after(model: LoadedText, tokens: list[int], watch: Watch) -> "Tensor":
    """Log probabilities (n, vocabulary) of what follows a text, once for each set of heads off."""
    import torch

    with model.placement.gate.step(), model.turn, torch.inference_mode(), watching(watch):
        ids = torch.tensor([tokens] * len(watch.off), device=model.placement.device)
        answer = model.network(input_ids=ids, use_cache=False, **model.last_alone)
        return torch.as_tensor(answer.logits[:, -1].float().log_softmax(-1).cpu())


def divergence(whole: "Tensor", without: "Tensor") -> "Tensor":
    """KL(p || q) in nats: p is `whole` (vocabulary,), each q a row; both are logarithms."""
    p = whole.double()
    return (p.exp() * (p - without.double())).nan_to_num().sum(-1).clamp(min=0)


def nexts(
    model: LoadedText, tokens: list[int], whole: "Tensor", without: "Tensor"
) -> list[list[Any]]:
    """[text, p, q] of the tokens likeliest with all heads or without some, by falling p."""
    stream = TextStream(model.text_of, tokens)
    ids = whole.maximum(without).topk(min(NEXT, len(whole))).indices
    ids = ids[whole[ids].argsort(descending=True)]
    return [
        [
            model.name_of(id, stream),
            round(float(whole[id].exp()), 6),
            round(float(without[id].exp()), 6),
        ]
        for id in ids.tolist()
    ]


def maps(watch: Watch, layers: int, heads: int, tokens: int) -> Any:
    """The weights (layers, heads, tokens, tokens); NaN in layers that have no attention."""
    import numpy as np

    grid = np.full((layers, heads, tokens, tokens), np.nan, np.float32)
    for layer, weights in watch.maps.items():
        grid[layer] = weights[0].numpy()
    return grid
