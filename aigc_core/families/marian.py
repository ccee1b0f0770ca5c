"""Marian's translators, one direction each (Tiedemann & Thottingal 2020, OPUS-MT)."""

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.events import FamilyEvent, Finished, Output
from aigc_core.families import Answer, encoder_decoder
from aigc_core.families.encoder_decoder import RUNGS, SHARED, LoadedPair
from aigc_core.families.translating import LANGUAGES, sentence_by_sentence
from aigc_core.families.translator import SPACE
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request
from aigc_core.tasks.translation import TranslateText
from aigc_core.text import Language, Text

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.models.beam_search import BeamSearch

__all__ = ["ANSWERS", "RUNGS", "SHARED", "activation_bytes", "load", "smaller", "translate"]

# How the tokenizers and the repositories of these models call our languages.
CODES: dict[str, Language] = {
    **dict.fromkeys(("en", "eng"), "en"),
    **dict.fromkeys(("zh", "zho", "cmn", "zho_Hans", "cmn_Hans"), "zh"),
}
REPO = re.compile(r"-(?P<source>[a-z]{2,3})-(?P<target>[a-z]{2,3})$")
# Models that write several kinds of Chinese want to be told which.
SIGNS = (">>cmn_Hans<<", ">>zho_Hans<<", ">>cmn<<", ">>zho<<")
# A translation has about as many tokens as its source; one without end has many more.
LONGER, LEAST = 3, 16
# Tokens of one sentence, which a text is translated by.
USUAL_TOKENS = 128

Events = Generator[FamilyEvent, None, None]

ONE_WAY = Text(
    "{model} translates from {source} into {target} only. Choose another model.",
    "{model} 只能把{source}译成{target}。请选择其他模型。",
)
OTHERS = Text(
    "it translates between other languages than English and Chinese.",
    "它翻译的不是英文和中文。",
)
FEWER = Text("{count} translations are followed at once", "同时追踪 {count} 个译文")


@dataclass
class LoadedMarian(LoadedPair):
    """A translator of one direction.

    Args:
        to: the language that it writes.
        sign: what its sources begin with.
    """

    to: Language = "zh"
    sign: str = ""


def load(
    entry: Entry, placement: Placement, step: Callable[[], None] = lambda: None
) -> LoadedMarian:
    """The model in its downloaded files, on the placement's device.

    Raises:
        ModelUnavailable: its files are not here, or not whole; a package is missing; or it
            translates other languages.
    """
    pair = encoder_decoder.load(entry, placement, step)
    source, target = languages(pair.tokenizer, entry.repo)
    if {source, target} != {"en", "zh"} or target is None:
        raise ModelUnavailable(entry.id, OTHERS)
    known = pair.tokenizer.get_vocab()
    sign = next((sign for sign in SIGNS if sign in known), "") if target == "zh" else ""
    shared = {field.name: getattr(pair, field.name) for field in fields(LoadedPair)}
    return LoadedMarian(**shared, to=target, sign=sign)


def languages(tokenizer: Any, repo: str) -> tuple[Language | None, Language | None]:
    """From which language into which; None for one that is neither of ours."""
    named = REPO.search(repo)
    source = tokenizer.source_lang or (named and named["source"]) or ""
    target = tokenizer.target_lang or (named and named["target"]) or ""
    return CODES.get(source), CODES.get(target)


@dataclass(frozen=True)
class MarianWay:
    """A model, for one width of the beam."""

    model: LoadedMarian
    beams: int

    def read(self, text: str) -> tuple[list[int], list[str]]:
        model = self.model
        tokens = model.encode(f"{model.sign} {text}" if model.sign else text)
        unknown = model.tokenizer.unk_token_id
        with model.tokenizing:
            pieces = model.tokenizer.tokenize(text)
            numbers = model.tokenizer.convert_tokens_to_ids(pieces)
        pairs = list(zip(pieces, numbers, strict=True))
        left_out = [mark for p, n in pairs if n == unknown for mark in p.strip(SPACE)]
        known = any(p.strip(SPACE) for p, n in pairs if n != unknown)
        return [token for token in tokens if token != unknown] if known else [], left_out

    def fits(self, text: str) -> bool:
        return len(self.read(text)[0]) <= self.model.room

    def search(self, source: list[int]) -> "BeamSearch":
        from aigc_core.models.beam_search import BeamSearch

        model = self.model
        return BeamSearch(
            1,
            start=model.start,
            ends=model.ends,
            beams=self.beams,
            longest=min(model.room, LONGER * len(source) + LEAST),
            alpha=model.network.generation_config.length_penalty or 1.0,
            never=model.never,
        )

    def begin(self, source: list[int]) -> "tuple[Tensor, Any]":
        return self.model.read(source), None

    def advance(self, state: "tuple[Tensor, Any]", search: "BeamSearch") -> "tuple[Tensor, Any]":
        memory, cache = state
        return memory, encoder_decoder.advance(self.model, memory, cache, search)

    def text(self, tokens: list[int]) -> str:
        return self.model.text_of(tokens).strip()

    def texts(self, tokens: list[int]) -> list[str]:
        return self.model.texts_of(tokens)


def translate(model: LoadedMarian, request: TranslateText) -> Events:
    """The translation, sentence by sentence.

    Raises:
        InvalidRequest: it translates the other way only.
    """
    if request.to != model.to:
        source = LANGUAGES["en" if model.to == "zh" else "zh"]
        raise InvalidRequest(ONE_WAY, model=model.id, source=source, target=LANGUAGES[model.to])
    made = yield from sentence_by_sentence(request, MarianWay(model, request.beams))
    yield Finished((Output(Writing(made.text), 0, made.details),))


def smaller(
    model: LoadedMarian, request: TranslateText
) -> tuple[LoadedMarian, TranslateText, Text] | None:
    """The same wish with fewer beams, and what to tell; None where there is one left."""
    if request.beams == 1:
        return None
    fewer = request.model_copy(update={"beams": request.beams // 2})
    return model, fewer, FEWER.fill(count=fewer.beams)


def activation_bytes(entry: Entry, request: TranslateText | None = None) -> int:
    """A rough bound of what a run takes beyond the weights, in float32."""
    beams = TranslateText().beams if request is None else request.beams
    return encoder_decoder.activation_bytes(entry, 2 * USUAL_TOKENS, beams)


ANSWERS: dict[type[Request], Answer] = {TranslateText: translate}
