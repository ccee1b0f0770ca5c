"""What decides about the memory of a language model's runs, read from its config."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class TextShape:
    """The shape of a Transformer.

    Args:
        hidden: width of the residual stream.
        inner: width inside the feed-forward layers.
        layers: how many blocks.
        cached: numbers in the key of one token in one layer, and as many in the value.
        words: tokens in the vocabulary.
        context: tokens it can read and write in all.
        heads: of each block.
    """

    hidden: int
    inner: int
    layers: int
    cached: int
    words: int
    context: int
    heads: int

    def activations(self, tokens: int, piece: int) -> int:
        """How many numbers live at the peak of a run of so many tokens.

        Beside the cache of keys and values, a piece of the prompt takes its hidden states, and
        the logits of one token a few copies.
        """
        tokens = min(tokens, self.context)
        cache = 2 * self.layers * self.cached * tokens
        states = min(tokens, piece) * (8 * self.hidden + 4 * self.inner)
        return cache + states + 6 * self.words


@lru_cache(maxsize=16)
def read_shape(folder: Path) -> TextShape:
    """The shape of the model in a folder; what its config leaves out is taken as usual."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config = config.get("text_config", config)

    def first(*names: str, default: int) -> int:
        return next((config[name] for name in names if isinstance(config.get(name), int)), default)

    hidden = first("hidden_size", "n_embd", "d_model", default=4096)
    heads = first("num_attention_heads", "n_head", default=32)
    return TextShape(
        hidden=hidden,
        inner=first("intermediate_size", "n_inner", default=4 * hidden),
        layers=first("num_hidden_layers", "n_layer", default=32),
        cached=first("num_key_value_heads", default=heads)
        * first("head_dim", default=hidden // heads),
        words=first("vocab_size", default=100_000),
        context=first("max_position_embeddings", "n_positions", default=4096),
        heads=heads,
    )
