"""How a text is translated, whatever translates: sentence by sentence, by beam search."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Preview, Progress
from aigc_core.families.characters import told
from aigc_core.families.sentences import divided, joined, plainly, sentences
from aigc_core.media import Writing
from aigc_core.tasks.translation import TranslateText
from aigc_core.text import Text

if TYPE_CHECKING:
    from aigc_core.models.beam_search import BeamSearch

TRANSLATING = Text("translating", "正在翻译")
LANGUAGES = {"en": Text("English", "英文"), "zh": Text("Chinese", "中文")}
ALREADY = Text(
    "The text is in {language} already. Choose the other language.",
    "文本已经是{language}。请选择另一种语言。",
)
NOTHING = Text(
    "The text holds nothing that this model reads. Write something in {language}.",
    "文本中没有此模型能读取的内容。请写一些{language}。",
)


class Way(Protocol):
    """A translator in one direction, for one request."""

    def read(self, text: str, /) -> tuple[list[int], list[str]]:
        """The tokens of a sentence, none where nothing of it is known, and what is left out."""
        ...

    def fits(self, text: str, /) -> bool:
        """Whether a sentence is not too long to be translated whole."""
        ...

    def search(self, source: list[int], /) -> "BeamSearch": ...

    def begin(self, source: list[int], /) -> Any:
        """Reads a sentence; what a search goes on with."""
        ...

    def advance(self, state: Any, search: "BeamSearch", /) -> Any:
        """Writes one token of each beginning that is followed."""
        ...

    def text(self, tokens: list[int], /) -> str: ...

    def texts(self, tokens: list[int], /) -> list[str]:
        """Of each token its own."""
        ...


@dataclass(frozen=True)
class Translated:
    """What came out.

    Args:
        details: what the record says of it.
        source: the tokens of the last sentence.
        words: those of its translation.
    """

    text: str
    details: dict[str, Any]
    source: list[int]
    words: list[int]


def sentence_by_sentence(
    request: TranslateText, way: Way
) -> Generator[FamilyEvent, None, Translated]:
    """Translates a text, with a `Preview` of the whole after each token.

    A sentence that is too long is divided where it has commas, else between words.

    Raises:
        InvalidRequest: the text is in the language that it is to be translated into, or there is
            nothing in it to translate.
    """
    to = request.to
    if plainly(request.text) == to:
        raise InvalidRequest(ALREADY, language=LANGUAGES[to])
    found = [part for whole in sentences(request.text) for part in divided(whole, way.fits)]
    read = [way.read(part.text) for part in found]
    left_out = told(dict.fromkeys(mark for _, marks in read for mark in marks))
    kept = [(part, source) for part, (source, _) in zip(found, read, strict=True) if source]
    if not kept:
        raise InvalidRequest(NOTHING, language=LANGUAGES["en" if to == "zh" else "zh"])
    yield Progress(0, len(kept), TRANSLATING)
    parts, made, written = [part for part, _ in kept], list[str](), 0
    for _, source in kept:
        search, state = way.search(source), way.begin(source)
        while not search.over:
            state = way.advance(state, search)
            written += 1
            now = joined(request.text, parts, [*made, way.text(search.best(0))], to)
            yield Preview(Writing(now), step=written)
        beams = search.found(0)
        made.append(way.text(beams[0].words))
        yield Progress(len(made), len(kept), TRANSLATING)
    others = [way.text(beam.words) for beam in beams[1:]]
    details = {
        "source": way.texts(source),
        "tokens": way.texts(beams[0].words),
        "others": [text for text in dict.fromkeys(others) if text != made[-1]],
        "left_out": left_out,
        "parts": len(kept),
    }
    return Translated(joined(request.text, parts, made, to), details, source, beams[0].words)
