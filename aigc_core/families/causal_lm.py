"""Pretrained language models that write from left to right: a Transformer with a KV cache."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from aigc_core import verse
from aigc_core.catalog import Entry
from aigc_core.families import Answer
from aigc_core.families.causal_attention import attend, rank_heads, watchable
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.causal_scores import SCORED, score, trace
from aigc_core.families.causal_writing import continue_text
from aigc_core.families.pretrained import read_model, reading, snapshot, torch_dtype
from aigc_core.families.text_shape import read_shape
from aigc_core.footprint import Rung
from aigc_core.hub.snapshot import local
from aigc_core.placement import Placement
from aigc_core.tasks import (
    AttendText,
    ComposePoem,
    ContinueText,
    RankHeads,
    Request,
    ScoreText,
    TraceText,
    TranslateText,
)
from aigc_core.text import Text

SHARED = True  # Each run has a cache of its own.
RUNGS: tuple[Rung, ...] = ("full", "group", "sequential")

# Tokens of a prompt that are read in one step: on a CPU a second's work for half a billion weights,
# so that a run can be stopped. And the fewest, where memory is short.
PIECE, CPU_PIECE, SMALLEST_PIECE = 512, 64, 16
# Fewer tokens than these are not worth saving.
FEWEST = 64
# What a run reads and writes where nobody has said, and what is said around a text at most.
USUAL_TOKENS, AROUND = 1024, 400

IN_PIECES = Text(
    "the prompt is read in pieces of {count} tokens", "提示词按每段 {count} 个词元读取"
)
SHORTER = Text("at most {count} tokens are written", "最多生成 {count} 个词元")


def load(entry: Entry, placement: Placement, step: Callable[[], None] = lambda: None) -> LoadedText:
    """The model in its downloaded files, on the placement's device.

    Raises:
        ModelUnavailable: its files are not here, or not whole.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = snapshot(entry)
    with reading(entry):
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        step()
        network = read_model(
            entry,
            AutoModelForCausalLM,
            folder,
            dtype=torch_dtype(placement.dtype),
            trust_remote_code=False,
        )
    step()
    ends = network.generation_config.eos_token_id
    if ends is None:
        ends = tokenizer.eos_token_id
    config = network.config.get_text_config()
    return LoadedText(
        entry.id,
        held(network, placement),
        tokenizer,
        placement,
        frozenset(ends if isinstance(ends, list) else [] if ends is None else [ends]),
        getattr(config, "max_position_embeddings", None) or 2**31,
        nullcontext() if placement.rung == "full" else threading.Lock(),
        CPU_PIECE if placement.device == "cpu" else PIECE,
        watchable(network),
    )


def held(network: Any, placement: Placement) -> Any:
    """The network on its device, or in RAM with what brings its layers there and back.

    `group` brings a whole block of the Transformer at a time, `sequential` one layer.
    """
    import torch

    if placement.rung == "full":
        return network.to(placement.device)
    from accelerate import cpu_offload

    blocks = sorted(network._no_split_modules or ()) if placement.rung == "group" else None
    return cpu_offload(
        network,
        torch.device(placement.device),
        offload_buffers=False,
        preload_module_classes=blocks,
    )


def smaller(model: LoadedText, request: Request) -> tuple[LoadedText, Request, Text] | None:
    """The same wish with less memory, and what changes; None where nothing is left to save.

    The model is the same, with settings for this run alone.
    """
    if model.piece > SMALLEST_PIECE:
        less = replace(model, piece=max(SMALLEST_PIECE, model.piece // 4))
        return less, request, IN_PIECES.fill(count=less.piece)
    tokens = getattr(request, "tokens", 0)
    if tokens > FEWEST:
        fewer = max(FEWEST, tokens // 2)
        less_request = request.model_copy(update={"tokens": fewer})
        return model, less_request, SHORTER.fill(count=fewer)
    return None


def activation_bytes(entry: Entry, request: Request | None = None) -> int:
    """A rough bound of what a run takes beyond the weights, in float32.

    Every character of what is read counts as a token.
    """
    folder = local(entry.source)
    if folder is None:
        # About what usual shapes give for usual lengths.
        return 64_000_000 + entry.numbers // 2
    shape, tokens = read_shape(folder), USUAL_TOKENS
    if request is not None:
        tokens = characters(request) + to_write(request)
    numbers = shape.activations(tokens, PIECE)
    if isinstance(request, ScoreText):
        numbers += 4 * min(tokens, SCORED) * shape.words
    if isinstance(request, AttendText | RankHeads):
        # Scores, weights and mask of one layer, of as many texts as make up a piece.
        numbers += 3 * shape.heads * tokens * max(tokens, PIECE)
    return 4 * numbers


def to_write(request: Request) -> int:
    """How many tokens a run writes at most; a translation is about as long as its text."""
    if isinstance(request, TranslateText):
        return 2 * len(request.text)
    if isinstance(request, ComposePoem):
        return verse.TOKENS
    return int(getattr(request, "tokens", 0) * getattr(request, "parts", 1))


def characters(request: Request) -> int:
    """How many characters a request gives to read; a few more where words are put around them."""
    texts = [value for _, value in request if isinstance(value, str)]
    around = 0 if isinstance(request, ContinueText) else AROUND
    return sum(map(len, texts)) + around


ANSWERS: dict[type[Request], Answer] = {
    ContinueText: continue_text,
    ScoreText: score,
    TraceText: trace,
    AttendText: attend,
    RankHeads: rank_heads,
}
