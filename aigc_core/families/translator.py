"""Texts into the numbers of a translator from scratch, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_core.data.subwords import (
    END,
    SPECIAL,
    START,
    TO_CHINESE,
    TO_ENGLISH,
    UNKNOWN,
    number_of,
)
from aigc_core.data.tatoeba import tidy
from aigc_core.text import Language

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from aigc_core.models.beam_search import BeamSearch
    from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer

TO = {"zh": TO_CHINESE, "en": TO_ENGLISH}
OTHER: dict[str, Language] = {"zh": "en", "en": "zh"}
# How a space is written within a token.
SPACE = "\u2581"


@dataclass
class Translator:
    """A network and its vocabulary."""

    network: "Seq2SeqTransformer"
    tokenizer: "Tokenizer"

    @property
    def room(self) -> int:
        """The most tokens that a sentence may have."""
        return self.network.longest - 2

    def read(self, text: str, to: str) -> tuple[list[int], list[str]]:
        """The tokens of a sentence that is to be translated, and the characters left out of it.

        Those are what the vocabulary lacks.
        """
        text = tidy(text, OTHER[to])
        found = self.tokenizer.encode(text)
        unknown = number_of(self.tokenizer, UNKNOWN)
        left_out = [
            text[start:end]
            for number, (start, end) in zip(found.ids, found.offsets, strict=True)
            if number == unknown
        ]
        if left_out:
            rest = tidy("".join(mark for mark in text if mark not in left_out), OTHER[to])
            found = self.tokenizer.encode(rest)
        return list(found.ids), left_out

    def source(self, tokens: Sequence[int], to: str) -> list[int]:
        """What the network reads: the language to write, the sentence, the end."""
        sign, end = number_of(self.tokenizer, TO[to]), number_of(self.tokenizer, END)
        return [sign, *tokens, end]

    @property
    def start(self) -> int:
        """The token before the first of a translation."""
        return number_of(self.tokenizer, START)

    def search(self, sentences: int, beams: int) -> "BeamSearch":
        """A search for the translations of so many sentences."""
        from aigc_core.models.beam_search import BeamSearch

        return BeamSearch(
            sentences,
            start=self.start,
            ends=[number_of(self.tokenizer, END)],
            beams=beams,
            longest=self.network.longest - 1,
            never=[number_of(self.tokenizer, sign) for sign in SPECIAL if sign != END],
        )

    def text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True)).strip()

    def texts(self, tokens: Sequence[int]) -> list[str]:
        """Of each token its own."""
        return [str(self.tokenizer.id_to_token(token)).replace(SPACE, " ") for token in tokens]

    def translate(
        self, sentences: Sequence[str], to: str, *, beams: int = 4, batch: int = 64
    ) -> list[str]:
        """The best translation found of each sentence, of which the longest are cut.

        Args:
            batch: how many are translated at once; those of about one length go together.
        """
        sources = [self.source(self.read(text, to)[0][: self.room], to) for text in sentences]
        order = sorted(range(len(sources)), key=lambda place: len(sources[place]))
        made = [""] * len(sources)
        for start in range(0, len(order), batch):
            places = order[start : start + batch]
            rows = self.padded([sources[place] for place in places])
            found = self.network.translate(rows, self.search(len(places), beams))
            for place, beams_ in zip(places, found, strict=True):
                made[place] = self.text(beams_[0].words)
        return made

    def padded(self, rows: Sequence[Sequence[int]]) -> "Tensor":
        """Rows of numbers as one tensor (n, t), filled up with -1, where the network is."""
        import torch
        from torch.nn.utils.rnn import pad_sequence

        device = self.network.word.weight.device
        tensors = [torch.tensor(row, device=device) for row in rows]
        return pad_sequence(tensors, batch_first=True, padding_value=-1)
