"""Pretrained encoder-decoders: one half reads a text once, the other writes from what it found."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from aigc_core.catalog import Entry
from aigc_core.events import FamilyEvent, Preview, Progress
from aigc_core.families.causal_lm import held
from aigc_core.families.causal_writing import WRITING, Written
from aigc_core.families.pretrained import read_model, reading, snapshot, torch_dtype
from aigc_core.families.text_shape import read_shape
from aigc_core.families.text_stream import TextStream
from aigc_core.families.token_sampling import sampler
from aigc_core.families.translator import SPACE
from aigc_core.footprint import Rung
from aigc_core.hub.snapshot import local
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks.text import Sampling
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.models.beam_search import BeamSearch

SHARED = True  # Each run has a memory and a cache of its own.
RUNGS: tuple[Rung, ...] = ("full", "group", "sequential")
# Tokens that are read at once where the files do not say how many they may be.
USUAL_ROOM = 512

T = TypeVar("T")
Events = Generator[FamilyEvent, None, None]

READING = Text("reading the text", "正在读取文本")


@dataclass
class LoadedPair:
    """An encoder and a decoder on their device.

    Args:
        start: the token before the first that is written.
        ends: tokens after which no more is written.
        never: tokens that are not to be written.
        room: tokens that are read, and written, at most.
        turn: entered for each step where its weights come and go, which only one may see to.
    """

    id: str
    network: Any
    tokenizer: Any
    placement: Placement
    start: int
    ends: frozenset[int]
    never: tuple[int, ...]
    room: int
    turn: AbstractContextManager[Any]
    # Held by tokenizers, which several runs must not use at once.
    tokenizing: Any = field(default_factory=threading.Lock, repr=False)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text and the end."""
        with self.tokenizing:
            return list(self.tokenizer(text, verbose=False)["input_ids"])

    def known(self, tokens: Sequence[int]) -> list[int]:
        """Those that stand for something, without signs and what is unknown."""
        signs = {self.tokenizer.unk_token_id, *self.tokenizer.all_special_ids}
        return [token for token in tokens if token not in signs]

    def text_of(self, tokens: Sequence[int]) -> str:
        with self.tokenizing:
            return str(
                self.tokenizer.decode(
                    list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
                )
            )

    def texts_of(self, tokens: Sequence[int]) -> list[str]:
        """Of each token its own, a space as it is written within a piece."""
        with self.tokenizing:
            pieces = self.tokenizer.convert_ids_to_tokens(list(tokens))
        return [str(piece).replace(SPACE, " ") for piece in pieces]

    def read(self, tokens: Sequence[int]) -> "Tensor":
        """What the encoder makes of a text: (1, tokens, width)."""
        import torch

        with self.placement.gate.step(), self.turn, torch.inference_mode():
            ids = torch.tensor([list(tokens)], device=self.placement.device)
            memory: Tensor = self.network.get_encoder()(input_ids=ids).last_hidden_state
            return memory

    def step(
        self,
        memory: "Tensor",
        last: Sequence[int],
        cache: Any,
        look: "Callable[[Tensor], T]",
        rows: "Tensor | None" = None,
    ) -> tuple[T, Any]:
        """Writes on from the last token of each of some beginnings.

        Args:
            cache: of the call before; None at first.
            look: given the logits (n, vocabulary) of what may follow, in float32.
            rows: which beginning of the call before each of these lengthens, where they change.

        Returns:
            What `look` gave, and the cache to go on with.
        """
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        with self.placement.gate.step(), self.turn, torch.inference_mode():
            device = self.placement.device
            if cache is not None and rows is not None:
                cache.reorder_cache(rows.to(device))
            seen = memory.expand(len(last), -1, -1)
            answer = self.network(
                encoder_outputs=BaseModelOutput(last_hidden_state=seen),
                attention_mask=torch.ones(seen.shape[:2], dtype=torch.int64, device=device),
                decoder_input_ids=torch.tensor(last, device=device).unsqueeze(1),
                past_key_values=cache,
                use_cache=True,
            )
            return look(answer.logits[:, -1].float()), answer.past_key_values

    def close(self) -> None:
        self.network = self.tokenizer = None


def load(entry: Entry, placement: Placement, step: Callable[[], None] = lambda: None) -> LoadedPair:
    """The model in its downloaded files, on the placement's device.

    Raises:
        ModelUnavailable: its files are not here, or not whole, or a package is missing.
    """
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = snapshot(entry)
    with reading(entry):
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        step()
        network = read_model(
            entry,
            AutoModelForSeq2SeqLM,
            folder,
            dtype=torch_dtype(placement.dtype),
            trust_remote_code=False,
        )
    step()
    told = network.generation_config
    ends = told.eos_token_id if told.eos_token_id is not None else tokenizer.eos_token_id
    bad = [words[0] for words in told.bad_words_ids or [] if len(words) == 1]
    return LoadedPair(
        entry.id,
        held(network, placement),
        tokenizer,
        placement,
        first(told.decoder_start_token_id, network.config.decoder_start_token_id, 0),
        frozenset(ends if isinstance(ends, list) else [ends]),
        tuple(bad),
        min(first(getattr(network.config, "max_position_embeddings", None), 2**31),
            first(getattr(network.config, "n_positions", None), USUAL_ROOM)),
        nullcontext() if placement.rung == "full" else threading.Lock(),
    )  # fmt: skip


def first(*values: int | None) -> int:
    """The first that is there."""
    return next(value for value in values if value is not None)


def write(
    model: LoadedPair,
    source: Sequence[int],
    request: Sampling,
    limit: int,
    *,
    enough: Callable[[str], bool] = lambda _: False,
    shown: Callable[[str], Writing] = Writing,
) -> Generator[FamilyEvent, None, Written]:
    """Writes to a text, token by token, by at most `limit` of them.

    Args:
        enough: whether a text so far needs no more.
        shown: the preview of a text so far.
    """
    draw = sampler(request)
    yield Progress(0, len(source), READING)
    memory = model.read(source)
    yield Progress(len(source), len(source), READING)
    before, stream, cache = [model.start], TextStream(model.text_of, ()), None
    yield Progress(0, limit, WRITING)
    token = -1
    for count in range(1, limit + 1):
        token, cache = model.step(memory, before[-1:], cache, lambda logits: draw(logits, before))
        if token in model.ends:
            break
        before.append(token)
        text = stream.add(token)
        yield Preview(shown(text), step=count)
        if enough(text):
            break
    written = before[1:]
    return Written(model.text_of(written).strip(), written, token in model.ends)


def advance(model: LoadedPair, memory: "Tensor", cache: Any, search: "BeamSearch") -> Any:
    """One step of a search; the cache for the next."""
    chances, cache = model.step(
        memory,
        search.last.tolist(),
        cache,
        lambda logits: logits.log_softmax(1),
        rows=search.rows,
    )
    search.advance(chances)
    return cache


def activation_bytes(entry: Entry, tokens: int, beams: int = 1) -> int:
    """A rough bound of what a run takes beyond the weights, in float32.

    Args:
        tokens: that are read and written in all.
        beams: beginnings that are followed at once.
    """
    folder = local(entry.source)
    if folder is None:
        return 64_000_000 + entry.numbers // 2
    shape = read_shape(folder)
    # Each beginning has the keys and values of what was written and of what was read, and reading
    # compares every token with every other.
    numbers = 2 * beams * shape.activations(tokens, tokens) + shape.heads * tokens**2
    return 4 * numbers
