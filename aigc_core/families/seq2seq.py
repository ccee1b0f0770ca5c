"""Translators from scratch: an encoder-decoder with subwords of both languages."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.checkpoint import load_network, read_beside
from aigc_core.data.subwords import TOKENIZER, read_subwords
from aigc_core.errors import ModelUnavailable
from aigc_core.events import FamilyEvent, Finished, Output
from aigc_core.families import Answer
from aigc_core.families.translating import sentence_by_sentence
from aigc_core.families.translator import Translator
from aigc_core.media import Numbers, Writing
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request
from aigc_core.tasks.translation import TranslateText
from aigc_core.text import Text

if TYPE_CHECKING:
    from aigc_core.models.beam_search import BeamSearch
    from aigc_core.models.seq2seq_transformer import Past

Events = Generator[FamilyEvent, None, None]

NO_WORDS = Text("its vocabulary cannot be read.", "无法读取它的词表。")


@dataclass
class LoadedTranslator:
    """A network on its device, with its vocabulary."""

    translator: Translator
    placement: Placement

    def looks(self, source: list[int], words: list[int]) -> np.ndarray:
        """Where each word was written from: (layer, head, word, token of the source)."""
        import torch

        from aigc_core.models.seq2seq_transformer import Looked

        looked = Looked()
        before = [self.translator.start, *words[:-1]]
        with self.placement.gate.step(), torch.inference_mode():
            past = self.translator.network.encode(self.translator.padded([source]))
            self.translator.network.decode(self.translator.padded([before]), past, looked)
        return torch.cat(looked.maps).float().cpu().numpy()

    def close(self) -> None:
        pass


def load(entry: Entry, placement: Placement, step: Callable[[], None]) -> LoadedTranslator:
    """The catalog's network with its vocabulary, on the placement's device.

    Raises:
        ModelUnavailable: there is no such network, its checkpoint does not fit, or the vocabulary
            is missing or not the one that it was trained with.
    """
    made = load_network(entry.network_class, entry.folder, entry.revision)
    step()
    try:
        tokenizer = read_subwords(read_beside(entry.folder, TOKENIZER))
    except ValueError as error:
        raise ModelUnavailable(entry.id, NO_WORDS) from error
    if tokenizer.get_vocab_size() != len(made.word.weight):
        raise ModelUnavailable(entry.id, NO_WORDS)
    return LoadedTranslator(Translator(made.to(placement.device), tokenizer), placement)


@dataclass(frozen=True)
class OurWay:
    """One direction and one width of the beam."""

    model: LoadedTranslator
    to: str
    beams: int

    def read(self, text: str) -> tuple[list[int], list[str]]:
        translator = self.model.translator
        tokens, left_out = translator.read(text, self.to)
        return translator.source(tokens, self.to) if tokens else [], left_out

    def fits(self, text: str) -> bool:
        tokens, _ = self.model.translator.read(text, self.to)
        return len(tokens) <= self.model.translator.room

    def search(self, _source: list[int]) -> "BeamSearch":
        return self.model.translator.search(1, self.beams)

    def begin(self, source: list[int]) -> "Past":
        import torch

        translator = self.model.translator
        with self.model.placement.gate.step(), torch.inference_mode():
            return translator.network.encode(translator.padded([source]))

    def advance(self, past: "Past", search: "BeamSearch") -> "Past":
        import torch

        with self.model.placement.gate.step(), torch.inference_mode():
            return self.model.translator.network.advance(past, search)

    def text(self, tokens: list[int]) -> str:
        return self.model.translator.text(tokens)

    def texts(self, tokens: list[int]) -> list[str]:
        return self.model.translator.texts(tokens)


def translate(model: LoadedTranslator, request: TranslateText) -> Events:
    """The translation, and where each word of its last sentence was written from."""
    made = yield from sentence_by_sentence(request, OurWay(model, request.to, request.beams))
    outputs = [Output(Writing(made.text), 0, made.details)]
    if made.words:
        weights = model.looks(made.source, made.words)
        numbers = Numbers(weights, ("layer", "head", "token", "looks at"))
        outputs.append(Output(numbers, 0, {"role": "alignment"}))
    yield Finished(tuple(outputs))


ANSWERS: dict[type[Request], Answer] = {TranslateText: translate}
