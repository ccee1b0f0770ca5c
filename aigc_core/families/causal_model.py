"""A language model of transformers on its device: its tokens, and one step of its work."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar

from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.families.text_stream import BEFORE, TextStream
from aigc_core.placement import Placement
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

NOTHING = Text(
    "The prompt holds nothing that this model reads. Write something.",
    "提示词中没有此模型能读取的内容。请写一些文字。",
)
NO_CACHE = Text(
    "it keeps no attention cache, which writing token by token needs.",
    "它没有注意力缓存，无法逐词元生成。",
)


@dataclass
class LoadedText:
    """A language model on its device.

    Args:
        ends: tokens after which it writes no more.
        context: tokens it can read and write in all.
        turn: entered for each step where its weights come and go, which only one may see to.
        piece: tokens of a prompt that it reads in one step.
        watchable: whether its attention can be looked at (`causal_attention`).
    """

    id: str
    network: Any
    tokenizer: Any
    placement: Placement
    ends: frozenset[int]
    context: int
    turn: AbstractContextManager[Any]
    piece: int
    watchable: bool = False
    # Held by tokenizers, which several runs must not use at once.
    tokenizing: Any = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        # Logits of the last token only, where it can: those of a long prompt take gigabytes.
        known = signature(self.network.forward).parameters
        self.last_alone = {"logits_to_keep": 1} if "logits_to_keep" in known else {}

    @property
    def words(self) -> int:
        """How many tokens there are, by their numbers from 0."""
        return min(len(self.tokenizer), self.network.config.get_text_config().vocab_size)

    @property
    def first(self) -> int | None:
        """The token that its tokenizer puts before every text, if it does."""
        with self.tokenizing:
            tokens = list(self.tokenizer("a", verbose=False)["input_ids"])
        beginning = self.tokenizer.bos_token_id
        return beginning if tokens and tokens[0] == beginning else None

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """The tokens of a text, with those that the tokenizer puts around it unless told not to.

        Raises:
            InvalidRequest: there are none.
        """
        with self.tokenizing:
            found = list(
                self.tokenizer(text, verbose=False, add_special_tokens=special)["input_ids"]
            )
        if not found:
            raise InvalidRequest(NOTHING)
        return found

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

    def texts_of(self, tokens: Sequence[int]) -> list[str]:
        """The text of each token, which together are the whole.

        A character that takes several tokens is the text of its last.
        """
        stream, texts, told = TextStream(self.text_of, ()), [], 0
        for token in tokens:
            whole = stream.add(token)
            texts.append(whole[told:])
            told = max(told, len(whole))
        return texts

    def name_of(self, token: int, stream: TextStream) -> str:
        """What a token would add to a text, or the name of one that has no text."""
        text = stream.peek(token)
        if text:
            return text
        with self.tokenizing:
            return str(self.tokenizer.convert_ids_to_tokens(token) or "")

    def fitted(self, prompt: list[int], tokens: int) -> tuple[list[int], int]:
        """A prompt that leaves room for so many tokens, cut from the left, and how many were cut.

        At least half of what the model can hold stays for the prompt.
        """
        most = self.context - min(tokens, self.context // 2)
        if len(prompt) <= most:
            return prompt, 0
        lead = prompt[:1] if prompt[0] == self.first else []
        cut = len(prompt) - most
        return [*lead, *prompt[cut + len(lead) :]], cut

    def step(
        self,
        tokens: Sequence[int],
        cache: Any,
        look: "Callable[[Tensor], T]",
        *,
        every: bool = False,
    ) -> tuple[T, Any]:
        """Reads tokens after those in the cache, and looks at what may follow.

        Args:
            look: given the logits (1, vocabulary) after the last token in float32, or of every
                one (t, vocabulary).

        Returns:
            What `look` gave, and the cache to go on with.
        """
        import torch

        with self.placement.gate.step(), self.turn, torch.inference_mode():
            ids = torch.tensor([tokens], device=self.placement.device)
            answer = self.network(
                input_ids=ids,
                past_key_values=cache,
                use_cache=True,
                **({} if every else self.last_alone),
            )
            if (cache := answer.get("past_key_values")) is None:
                raise ModelUnavailable(self.id, NO_CACHE)
            logits = answer.logits[0] if every else answer.logits[:, -1]
            return look(logits.float()), cache

    def close(self) -> None:
        self.network = self.tokenizer = None
