"""A Transformer that translates: encoder and decoder, as the paper drew them.

A translation y of a sentence x is written word by word, each from those before and from the whole
of x (Sutskever et al. 2014):

    p(y | x) = prod_t p(y_t | y_1 .. y_{t-1}, x)

The encoder reads x once, every place looking at every other, and leaves a vector for each: the
memory. The decoder writes y; beside looking back at its own words it looks at the memory, with its
own vectors as queries and the memory's as keys and values (Bahdanau et al. 2015). These weights,
the cross-attention, say which words of x a word of y was written from: an alignment that nobody
taught it.

    Attention(Q, K, V) = softmax(Q K^T / sqrt(d)) V
    encoder:  h = h + Attention(h, h, h),                               h = h + FFN(h)
    decoder:  g = g + Masked(g, g, g),   g = g + Attention(g, m, m),    g = g + FFN(g)

m being the memory, the encoder's last h, and Masked an attention to places not later than its own.

Vaswani et al. 2017, https://arxiv.org/abs/1706.03762. As in the paper: sinusoids for the positions,
ReLU, one matrix for the words of both sides and for the output, scaled by sqrt(width) on the way
in, label smoothing in training. Otherwise: LayerNorm stands before each part instead of behind
(Xiong et al. 2020, https://arxiv.org/abs/2002.04745), which trains without a delicate warm-up.

One network translates both ways: the first token of x says into which language (Johnson et al.
2017, https://arxiv.org/abs/1611.04558).
"""

from dataclasses import dataclass, field
from math import log, sqrt
from typing import NamedTuple, cast

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention

from aigc_core.models.beam_search import Beam, BeamSearch


class Read(NamedTuple):
    """Keys and values (n, heads, places, d) that a layer has made already."""

    keys: Tensor
    values: Tensor


@dataclass
class Past:
    """What the decoder goes on with: for each layer its own places, and the memory's.

    Every tensor has the translations (n) first.
    """

    own: list[Read]
    memory: list[Read]
    visible: Tensor

    def pick(self, rows: Tensor) -> "Past":
        """Those of some translations, as a search keeps or drops them."""
        rows = rows.to(self.visible.device)
        return Past(
            [Read(k[rows], v[rows]) for k, v in self.own],
            [Read(k[rows], v[rows]) for k, v in self.memory],
            self.visible[rows],
        )


@dataclass
class Looked:
    """Where the decoder looked: of each layer, weights (n, heads, t, places of the memory)."""

    maps: list[Tensor] = field(default_factory=list)


class Seq2SeqTransformer(nn.Module, PyTorchModelHubMixin):
    """The network.

    Args:
        words: size of the vocabulary, the same for both languages.
        width: of the vectors.
        inner: width within the feed-forward parts.
        layers: of the encoder, and as many of the decoder.
        heads: of each attention; they share the width.
        dropout: share of the numbers that training leaves out.
        longest: words of a side in training, signs included; positions beyond are strange to it.
    """

    def __init__(
        self,
        *,
        words: int,
        width: int = 192,
        inner: int = 768,
        layers: int = 3,
        heads: int = 6,
        dropout: float = 0.1,
        longest: int = 30,
    ) -> None:
        super().__init__()
        self.width, self.longest = width, longest
        self.word = nn.Embedding(words, width)
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(
            EncoderLayer(width, inner, heads, dropout) for _ in range(layers)
        )
        self.decoder = nn.ModuleList(
            DecoderLayer(width, inner, heads, dropout) for _ in range(layers)
        )
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)
        nn.init.normal_(self.word.weight, std=width**-0.5)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Logits (n, t, words) of the word after each of the target's, for training.

        Args:
            source: (n, s) int64, -1 where there is no word.
            target: (n, t) int64, likewise, the start first.
        """
        return self.decode(target.clamp(min=0), self.encode(source))[0]

    def encode(self, source: Tensor) -> Past:
        """Reads a sentence; what it returns has room for a translation."""
        visible = (source >= 0)[:, None, None, :]
        h = self._vectors(source.clamp(min=0), 0)
        for layer in self.encoder:
            h = layer(h, visible)
        h = self.encoder_norm(h)
        memory = [cast(DecoderLayer, layer).across.read(h) for layer in self.decoder]
        return Past([], memory, visible)

    def decode(
        self, target: Tensor, past: Past, looked: Looked | None = None
    ) -> tuple[Tensor, Past]:
        """Logits (n, t, words) after each word (n, t), and what to go on with."""
        start = past.own[0].keys.shape[2] if past.own else 0
        g, own = self._vectors(target, start), []
        for place, layer in enumerate(self.decoder):
            before = past.own[place] if past.own else None
            g, read = layer(g, before, past.memory[place], past.visible, looked)
            own.append(read)
        return self.decoder_norm(g) @ self.word.weight.T, Past(own, past.memory, past.visible)

    @torch.no_grad()
    def translate(self, sources: Tensor, search: BeamSearch) -> list[list[Beam]]:
        """The best translations found of each sentence (n, s), -1 where there is no word."""
        past = self.encode(sources)
        while not search.over:
            past = self.advance(past, search)
        return [search.found(sentence) for sentence in range(len(sources))]

    def advance(self, past: Past, search: BeamSearch) -> Past:
        """One step of a search: what `past` is for its beginnings, which have grown by a word."""
        device = past.visible.device
        logits, past = self.decode(search.last.to(device)[:, None], past.pick(search.rows))
        search.advance(logits[:, -1].float().log_softmax(dim=1))
        return past

    def _vectors(self, ids: Tensor, start: int) -> Tensor:
        places = torch.arange(start, start + ids.shape[1], device=ids.device)
        return self.drop(self.word(ids) * sqrt(self.width) + sinusoids(places, self.width))


def sinusoids(places: Tensor, width: int) -> Tensor:
    """Vectors (t, width) of positions: sines and cosines of ever longer waves."""
    pace = torch.exp(torch.arange(0, width, 2, device=places.device) * (-log(10_000.0) / width))
    angles = places.unsqueeze(1) * pace
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


class EncoderLayer(nn.Module):
    """Every place looks at every other."""

    def __init__(self, width: int, inner: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.look = Attention(width, heads)
        self.then = FeedForward(width, inner)
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, visible: Tensor) -> Tensor:
        x = self.norm(h)
        h = h + self.drop(self.look(x, self.look.read(x), visible))
        return h + self.drop(self.then(h))


class DecoderLayer(nn.Module):
    """Every place looks at those before it, and at the memory."""

    def __init__(self, width: int, inner: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.across_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look, self.across = Attention(width, heads), Attention(width, heads)
        self.then = FeedForward(width, inner)
        self.drop = nn.Dropout(dropout)

    def forward(
        self, g: Tensor, past: Read | None, memory: Read, visible: Tensor, looked: Looked | None
    ) -> tuple[Tensor, Read]:
        x = self.norm(g)
        own = self.look.read(x)
        if past is not None:
            own = Read(*(torch.cat(both, dim=2) for both in zip(past, own, strict=True)))
        t, places = x.shape[1], own.keys.shape[2]
        before = torch.ones(t, places, dtype=torch.bool, device=x.device).tril(places - t)
        g = g + self.drop(self.look(x, own, before))
        g = g + self.drop(self.across(self.across_norm(g), memory, visible, looked))
        return g + self.drop(self.then(g)), own


class FeedForward(nn.Module):
    """Two layers at each place alone."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first, self.second = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, h: Tensor) -> Tensor:
        return self.second(relu(self.first(self.norm(h))))


class Attention(nn.Module):
    """Several heads; who is looked at is read once and kept."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def read(self, x: Tensor) -> Read:
        """Keys and values of what will be looked at (n, places, width)."""
        return Read(self._heads(self.key(x)), self._heads(self.value(x)))

    def forward(
        self, x: Tensor, seen: Read, visible: Tensor, looked: Looked | None = None
    ) -> Tensor:
        """What each place (n, t, width) finds at the visible places."""
        q = self._heads(self.query(x))
        if looked is None:
            mixed = scaled_dot_product_attention(q, *seen, attn_mask=visible)
        else:
            scores = q @ seen.keys.transpose(2, 3) / sqrt(q.shape[3])
            weights = scores.masked_fill(~visible, -torch.inf).softmax(dim=3)
            looked.maps.append(weights)
            mixed = weights @ seen.values
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)
