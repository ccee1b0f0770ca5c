"""Pretrained language models that write from left to right: a Transformer with a KV cache."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.pretrained import read_model, reading, snapshot, torch_dtype
from aigc_core.families.text_shape import read_shape
from aigc_core.families.text_stream import BEFORE, TextStream
from aigc_core.families.token_sampling import Draw, sampler
from aigc_core.footprint import Rung
from aigc_core.hub.snapshot import local
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request
from aigc_core.tasks.text import ContinueText
from aigc_core.text import Text

SHARED = True  # Each run has a cache of its own.
RUNGS: tuple[Rung, ...] = ("full", "group", "sequential")

# Tokens of a prompt that are read in one step: on a CPU a second's work for half a billion weights,
# so that a run can be stopped. And the fewest, where memory is short.
PIECE, CPU_PIECE, SMALLEST_PIECE = 512, 64, 16
# Fewer tokens than these are not worth saving.
FEWEST = 64
# What a run reads and writes where nobody has said.
USUAL_TOKENS = 1024

Events = Generator[FamilyEvent, None, None]

READING = Text("reading the prompt", "正在读取提示词")
WRITING = Text("writing", "正在生成")
TOO_LONG = Text(
    "The prompt has {count} tokens, but this model reads {most} at most. Shorten it.",
    "提示词有 {count} 个词元，而此模型最多读取 {most} 个。请缩短。",
)
NOTHING = Text(
    "The prompt holds nothing that this model reads. Write something.",
    "提示词中没有此模型能读取的内容。请写一些文字。",
)
NO_CACHE = Text(
    "it keeps no attention cache, which writing token by token needs.",
    "它没有注意力缓存，无法逐词元生成。",
)
IN_PIECES = Text(
    "the prompt is read in pieces of {count} tokens", "提示词按每段 {count} 个词元读取"
)
SHORTER = Text("at most {count} tokens are written", "最多生成 {count} 个词元")


@dataclass
class LoadedText:
    """A language model on its device.

    Args:
        ends: tokens after which it writes no more.
        context: tokens it can read and write in all.
        piece: tokens of a prompt that it reads in one step.
        turn: entered for each step where its weights come and go, which only one may see to.
    """

    id: str
    network: Any
    tokenizer: Any
    placement: Placement
    ends: frozenset[int]
    context: int
    turn: AbstractContextManager[Any]
    piece: int = PIECE
    # Held by tokenizers, which several runs must not use at once.
    tokenizing: Any = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        # Logits of the last token only, where it can: those of a long prompt take gigabytes.
        known = signature(self.network.forward).parameters
        self.last_alone = {"logits_to_keep": 1} if "logits_to_keep" in known else {}

    def encode(self, text: str) -> list[int]:
        with self.tokenizing:
            return list(self.tokenizer(text, verbose=False)["input_ids"])

    def decode(self, prompt: Sequence[int], written: Sequence[int]) -> str:
        """What was written, as text."""
        before = list(prompt[-BEFORE:])
        return self.text_of([*before, *written])[len(self.text_of(before)) :]

    def text_of(self, tokens: Sequence[int]) -> str:
        with self.tokenizing:
            return str(
                self.tokenizer.decode(
                    tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
                )
            )

    def step(self, tokens: Sequence[int], cache: Any, draw: Draw | None) -> tuple[int, Any]:
        """Reads tokens after those in the cache, and draws the next one (-1 without `draw`)."""
        import torch

        with self.placement.gate.step(), self.turn, torch.inference_mode():
            ids = torch.tensor([tokens], device=self.placement.device)
            answer = self.network(
                input_ids=ids, past_key_values=cache, use_cache=True, **self.last_alone
            )
            if (cache := answer.get("past_key_values")) is None:
                raise ModelUnavailable(self.id, NO_CACHE)
            return (draw(answer.logits[:, -1].float(), before) if draw else -1), cache

    def close(self) -> None:
        self.network = self.tokenizer = None


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


def continue_text(model: LoadedText, request: ContinueText) -> Events:
    """The prompt's continuation, a `Preview` of it after each token.

    A token is drawn from the softmax of the logits, divided by the temperature and cut off at
    the nucleus of probability top-p (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).
    """
    prompt = model.encode(request.prompt)
    if not prompt:
        raise InvalidRequest(NOTHING)
    room = model.context - len(prompt)
    if room < 1:
        raise InvalidRequest(TOO_LONG, count=len(prompt), most=model.context - 1)
    cache, token, draw = None, -1, sampler(request)
    yield Progress(0, len(prompt), READING)
    for start in range(0, len(prompt), model.piece):
        end = min(start + model.piece, len(prompt))
        last = end == len(prompt)
        token, cache = model.step(prompt[start:end], cache, draw if last else None)
        yield Progress(end, len(prompt), READING)
    limit = min(request.tokens, room)
    yield Progress(0, limit, WRITING)
    written: list[int] = []
    stream = TextStream(model.text_of, prompt)
    while token not in model.ends:
        written.append(token)
        yield Preview(Writing(stream.add(token)), step=len(written))
        if len(written) == limit:
            break
        token, cache = model.step([token], cache, draw)
    details = {
        "prompt_tokens": len(prompt),
        "tokens": len(written),
        "ended": "by itself" if token in model.ends else "at the limit",
    }
    # Bytes that never became a character count too, as the decoder writes them.
    text = model.decode(prompt, written)
    yield Finished((Output(Writing(text), request.seed, details),))


def smaller(
    model: LoadedText, request: ContinueText
) -> tuple[LoadedText, ContinueText, Text] | None:
    """The same wish with less memory, and what changes; None where nothing is left to save.

    The model is the same, with settings for this run alone.
    """
    if model.piece > SMALLEST_PIECE:
        less = replace(model, piece=max(SMALLEST_PIECE, model.piece // 4))
        return less, request, IN_PIECES.fill(count=less.piece)
    if request.tokens > FEWEST:
        fewer = request.model_copy(update={"tokens": max(FEWEST, request.tokens // 2)})
        return model, fewer, SHORTER.fill(count=fewer.tokens)
    return None


def activation_bytes(entry: Entry, request: ContinueText | None = None) -> int:
    """A rough bound of what a run takes beyond the weights, in float32.

    Every character of the prompt counts as a token.
    """
    folder = local(entry.source)
    if folder is None:
        # About what usual shapes give for usual lengths.
        return 64_000_000 + entry.numbers // 2
    tokens = USUAL_TOKENS if request is None else len(request.prompt) + request.tokens
    return 4 * read_shape(folder).activations(tokens, PIECE)


ANSWERS: dict[type[Request], Answer] = {ContinueText: continue_text}
