"""A Transformer that writes character by character: GPT's decoder, small enough to read and train.

A language model gives every next character a probability from all that came before; the product
of these is the probability of a text, and drawing one character after the other writes a new one:

    p(x_1 .. x_T) = prod_t p(x_t | x_1 .. x_{t-1}),    L = -1/T sum_t log p(x_t | x_<t)

The Transformer (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762) keeps a vector for every
place of the text, the residual stream. Each block adds to it twice. Attention lets a place look at
the places before it: its query is compared with their keys, and what comes is their values, mixed
by how well they match,

    attention(Q, K, V) = softmax(Q K^T / sqrt(d) + mask) V

in several heads at once, each with a mixture of its own. The mask hides what is still to come. A
small network of two layers then works at each place alone. Keys and values of places that have
been read never change, since nothing looks ahead: a KV cache keeps them, and writing one more
character costs one place's work and no more.

Two styles share this file. `gpt2` (Radford et al. 2019) learns a vector for each position, centres
its layers' inputs (LayerNorm) and has biases; weights of that format can be loaded. `modern` is
what has proved better since and trains faster: rotary positions (Su et al. 2021,
https://arxiv.org/abs/2104.09864), RMSNorm (Zhang & Sennrich 2019,
https://arxiv.org/abs/1910.07467), squared ReLU (So et al. 2021, https://arxiv.org/abs/2109.08668)
and no biases.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Literal, NamedTuple, Self

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.functional import gelu, relu, scaled_dot_product_attention

Style = Literal["gpt2", "modern"]


class Cache(NamedTuple):
    """Keys and values (n, heads, places, d) of what one block has read."""

    keys: Tensor
    values: Tensor


@dataclass
class Watch:
    """Looks into the heads during a pass.

    Args:
        off: heads, as (layer, head), that are to add nothing.

    Attributes:
        maps: of each layer the weights (n, heads, t, places) that its heads give to the places.
    """

    off: Collection[tuple[int, int]] = ()
    maps: list[Tensor] = field(default_factory=list)


class CharTransformer(nn.Module, PyTorchModelHubMixin):
    """The decoder.

    Args:
        vocabulary: its characters, in the order of their numbers.
        context: places that it can look back over.
        width: of the residual stream.
        layers: blocks.
        heads: of each block; they share the width.
        dropout: share of the numbers that training leaves out, against learning by heart.
        style: see above.
    """

    def __init__(
        self,
        *,
        vocabulary: str,
        context: int = 256,
        width: int = 192,
        layers: int = 6,
        heads: int = 6,
        dropout: float = 0.1,
        style: Style = "modern",
    ) -> None:
        super().__init__()
        self.vocabulary, self.context, self.heads = vocabulary, context, heads
        self.token = nn.Embedding(len(vocabulary), width)
        self.place = nn.Embedding(context, width) if style == "gpt2" else None
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, style) for _ in range(layers))
        self.norm = norm(width, style)
        self._start(layers)

    def forward(
        self, ids: Tensor, past: list[Cache] | None = None, watch: Watch | None = None
    ) -> tuple[Tensor, list[Cache]]:
        """Logits of the next character, and what to go on with.

        Args:
            ids: (n, t) int64, not more than `context` with what was read before.
            past: what an earlier call returned: those places are read already.
            watch: to look into the heads.

        Returns:
            Logits (n, t, vocabulary) and the caches of the blocks.
        """
        start = past[0].keys.shape[2] if past else 0
        places = torch.arange(start, start + ids.shape[1], device=ids.device)
        h = self.token(ids)
        if self.place is not None:
            h = h + self.place(places)
        h = self.drop(h)
        rotary = Rotary.at(places, h.shape[2] // self.heads) if self.place is None else None
        caches = []
        for layer, block in enumerate(self.blocks):
            off = [head for at, head in watch.off if at == layer] if watch else []
            look = None if watch is None else Look(off, watch.maps)
            h, cache = block(h, rotary, past[layer] if past else None, look)
            caches.append(cache)
        # The matrix that turns characters into vectors also compares vectors with characters
        # (Press & Wolf 2017, https://arxiv.org/abs/1608.05859).
        return self.norm(h) @ self.token.weight.T, caches

    @classmethod
    def from_gpt2(cls, weights: Mapping[str, Tensor], *, vocabulary: str, heads: int) -> Self:
        """The network with weights in the format of GPT-2 (`GPT2LMHeadModel.state_dict()`)."""
        own = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
        context, width = own["wpe.weight"].shape
        layers = 1 + max(int(name.split(".")[1]) for name in own if name.startswith("h."))
        made = cls(
            vocabulary=vocabulary,
            context=context,
            width=width,
            layers=layers,
            heads=heads,
            dropout=0.0,
            style="gpt2",
        )
        made.load_state_dict({ours: read(own, theirs) for ours, theirs in gpt2_names(layers)})
        return made

    def _start(self, layers: int) -> None:
        """Small weights; those that add to the stream smaller still, the more blocks there are."""
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                adds = name.endswith(("attention.out.weight", "second.weight"))
                nn.init.normal_(weight, std=0.02 / (sqrt(2 * layers) if adds else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(weight)


class Look(NamedTuple):
    """A watch over one layer: heads that are off, and where the maps go."""

    off: list[int]
    maps: list[Tensor]


class Rotary(NamedTuple):
    """Cosines and sines (t, d / 2) of the angles by which each place's vectors are turned."""

    cos: Tensor
    sin: Tensor

    @classmethod
    def at(cls, places: Tensor, d: int) -> "Rotary":
        """Each pair of numbers turns by an angle that grows with the place, slower and slower."""
        half = d // 2
        slower = 10_000.0 ** (-torch.arange(half, device=places.device) / half)
        angles = places.unsqueeze(1) * slower
        return cls(angles.cos(), angles.sin())

    def of(self, x: Tensor) -> Tensor:
        """Vectors (n, heads, t, d), turned.

        The product of a query and a key then depends on how far apart they are, not on where.
        """
        cos, sin = self.cos.to(x.dtype), self.sin.to(x.dtype)
        a, b = x.chunk(2, dim=3)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=3)


class Block(nn.Module):
    """Attention, then two layers at each place; both add to the stream."""

    def __init__(self, width: int, heads: int, dropout: float, style: Style) -> None:
        super().__init__()
        self.before_attention, self.before_layers = norm(width, style), norm(width, style)
        self.attention = Attention(width, heads, dropout, style)
        self.first = nn.Linear(width, 4 * width, bias=style == "gpt2")
        self.second = nn.Linear(4 * width, width, bias=style == "gpt2")
        self.drop = nn.Dropout(dropout)
        self.style = style

    def forward(
        self, h: Tensor, rotary: Rotary | None, past: Cache | None, look: Look | None
    ) -> tuple[Tensor, Cache]:
        mixed, cache = self.attention(self.before_attention(h), rotary, past, look)
        h = h + mixed
        inner = self.first(self.before_layers(h))
        inner = gelu(inner, approximate="tanh") if self.style == "gpt2" else relu(inner).square()
        return h + self.drop(self.second(inner)), cache


class Attention(nn.Module):
    """Each place mixes the values of the places up to itself."""

    def __init__(self, width: int, heads: int, dropout: float, style: Style) -> None:
        super().__init__()
        self.heads, self.length = heads, width // heads
        self.project = nn.Linear(width, 3 * width, bias=style == "gpt2")
        self.out = nn.Linear(width, width, bias=style == "gpt2")
        self.drop = nn.Dropout(dropout)

    def forward(
        self, h: Tensor, rotary: Rotary | None, past: Cache | None, look: Look | None
    ) -> tuple[Tensor, Cache]:
        # First the queries of all heads, then their keys, then their values.
        both, v = (
            self.project(h)
            .unflatten(2, (3 * self.heads, self.length))
            .transpose(1, 2)
            .split([2 * self.heads, self.heads], dim=1)
        )
        q, k = (both if rotary is None else rotary.of(both)).chunk(2, dim=1)
        if past is not None:
            k, v = torch.cat([past.keys, k], dim=2), torch.cat([past.values, v], dim=2)
        seen = self._mix(q, k, v) if look is None else self._watched(q, k, v, look)
        return self.drop(self.out(seen.transpose(1, 2).flatten(2))), Cache(k, v)

    def _mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if q.shape[2] == 1:  # The last place may look everywhere.
            return scaled_dot_product_attention(q, k, v)
        if q.shape[2] == k.shape[2]:
            return scaled_dot_product_attention(q, k, v, is_causal=True)
        return scaled_dot_product_attention(q, k, v, attn_mask=visible(q, k))

    def _watched(self, q: Tensor, k: Tensor, v: Tensor, look: Look) -> Tensor:
        """The same by the formula, whose softmax can be looked at."""
        scores = q @ k.transpose(2, 3) / sqrt(q.shape[3])
        weights = scores.masked_fill(~visible(q, k), -torch.inf).softmax(dim=3)
        look.maps.append(weights)
        mixed = weights @ v
        mixed[:, look.off] = 0
        return mixed


def visible(q: Tensor, k: Tensor) -> Tensor:
    """Which keys (t, places) a query may look at: its own place and those before."""
    t, places = q.shape[2], k.shape[2]
    return torch.ones(t, places, dtype=torch.bool, device=q.device).tril(places - t)


def norm(width: int, style: Style) -> nn.Module:
    return nn.LayerNorm(width) if style == "gpt2" else nn.RMSNorm(width, eps=1e-6)


def gpt2_names(layers: int) -> list[tuple[str, str]]:
    """Our names and GPT-2's, for every tensor."""
    parts = {
        "before_attention": "ln_1",
        "before_layers": "ln_2",
        "attention.project": "attn.c_attn",
        "attention.out": "attn.c_proj",
        "first": "mlp.c_fc",
        "second": "mlp.c_proj",
    }
    pairs = {"token.weight": "wte.weight", "place.weight": "wpe.weight"}
    for kind in ("weight", "bias"):
        pairs[f"norm.{kind}"] = f"ln_f.{kind}"
        for layer in range(layers):
            pairs |= {
                f"blocks.{layer}.{ours}.{kind}": f"h.{layer}.{theirs}.{kind}"
                for ours, theirs in parts.items()
            }
    return list(pairs.items())


def read(weights: Mapping[str, Tensor], name: str) -> Tensor:
    """A tensor of GPT-2, whose layers keep their matrices the other way round."""
    layer = name.split(".")[-2]
    turned_round = layer.startswith("c_") and name.endswith("weight")
    return weights[name].T if turned_round else weights[name]
