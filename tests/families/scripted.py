"""A model whose every word is known beforehand: the real path, with chance and weights left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch

from aigc_core.families.causal_model import LoadedText

T = TypeVar("T")


@dataclass
class Scripted(LoadedText):
    """A language model that says what it is told to, whatever it reads.

    Args:
        script: what it says, one text for each prompt.
    """

    script: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.prompts: list[str] = []

    @classmethod
    def of(cls, model: LoadedText, *script: str, **changes: Any) -> "Scripted":
        """A model like another one, with this script."""
        own = {one.name: getattr(model, one.name) for one in fields(model)}
        return cls(**{**own, "piece": 2**31, **changes}, script=script)

    def step(
        self,
        tokens: Sequence[int],
        cache: Any,
        look: Callable[[torch.Tensor], T],
        *,
        every: bool = False,
    ) -> tuple[T, Any]:
        if cache is None:
            text = self.script[len(self.prompts)]
            self.prompts.append(self.text_of(tokens))
            words = self.encode(text, special=False) if text else []
            cache = iter([*words, *sorted(self.ends)[:1]])
        logits = torch.zeros(1, self.words)
        logits[0, next(cache)] = 100.0
        return look(logits), cache
