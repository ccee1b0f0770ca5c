"""Translators from scratch: an encoder-decoder with subwords of both languages."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.checkpoint import load_network, read_beside
from aigc_core.data.subwords import TOKENIZER, read_subwords
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.alignment import soft_alignment
from aigc_core.families.characters import told
from aigc_core.families.sentences import divided, joined, plainly, sentences
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

TRANSLATING = Text("translating", "正在翻译")
ALREADY = Text(
    "The text is in {language} already. Choose the other language.",
    "文本已经是{language}。请选择另一种语言。",
)
LANGUAGES = {"en": Text("English", "英文"), "zh": Text("Chinese", "中文")}
NOTHING = Text(
    "The text holds nothing that this model reads. It knows the commoner words and characters of "
    "English and Chinese.",
    "文本中没有此模型能读取的内容。它认识英文和中文的常用词与常用字。",
)
NO_WORDS = Text("its vocabulary cannot be read.", "无法读取它的词表。")


@dataclass
class LoadedTranslator:
    """A network on its device, with its vocabulary."""

    translator: Translator
    placement: Placement

    def begin(self, source: list[int]) -> "Past":
        """Reads a sentence."""
        import torch

        with self.placement.gate.step(), torch.inference_mode():
            return self.translator.network.encode(self.translator.padded([source]))

    def advance(self, past: "Past", search: "BeamSearch") -> "Past":
        """Writes one token of each beginning that is followed."""
        import torch

        with self.placement.gate.step(), torch.inference_mode():
            return self.translator.network.advance(past, search)

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


def translate(model: LoadedTranslator, request: TranslateText) -> Events:
    """Sentence by sentence, with a `Preview` of the whole after each token.

    A sentence that is too long for the network is divided where it has commas, else between words.
    """
    check(request)
    translator, to = model.translator, request.to
    whole = sentences(request.text)
    found = [part for sentence in whole for part in divided(sentence, translator.fits(to))]
    read = [translator.read(part.text, to) for part in found]
    left_out = told(dict.fromkeys(mark for _, marks in read for mark in marks))
    kept = [(part, tokens) for part, (tokens, _) in zip(found, read, strict=True) if tokens]
    if not kept:
        raise InvalidRequest(NOTHING)
    yield Progress(0, len(kept), TRANSLATING)
    parts, made, written = [part for part, _ in kept], list[str](), 0
    for _, tokens in kept:
        source = translator.source(tokens, to)
        search, past = translator.search(1, request.beams), model.begin(source)
        while not search.over:
            past = model.advance(past, search)
            written += 1
            now = joined(request.text, parts, [*made, translator.text(search.best(0))], to)
            yield Preview(Writing(now), step=written)
        beams = search.found(0)
        made.append(translator.text(beams[0].words))
        yield Progress(len(made), len(kept), TRANSLATING)
    words = beams[0].words
    others = [translator.text(beam.words) for beam in beams[1:]]
    details = {
        "source": translator.texts(source),
        "tokens": translator.texts(words),
        "others": [text for text in dict.fromkeys(others) if text != made[-1]],
        "left_out": left_out,
        "sentences": len(whole),
        "parts": len(found),
    }
    outputs = [Output(Writing(joined(request.text, parts, made, to)), 0, details)]
    if words:
        weights = model.looks(source, words)
        best = soft_alignment(weights).argmax(1).tolist()
        numbers = Numbers(weights, ("layer", "head", "token", "looks at"))
        outputs.append(Output(numbers, 0, {"role": "alignment", "best": best}))
    yield Finished(tuple(outputs))


def check(request: TranslateText) -> None:
    """Nothing where there may be something to translate.

    Raises:
        InvalidRequest: the text is in the language that it is to be translated into.
    """
    if plainly(request.text) == request.to:
        raise InvalidRequest(ALREADY, language=LANGUAGES[request.to])


ANSWERS: dict[type[Request], Answer] = {TranslateText: translate}
