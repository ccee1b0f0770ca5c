"""T5's kind of model: every task is a text to read and a text to write (Raffel et al. 2020,
https://arxiv.org/abs/1910.10683), said in words before it.

They read a few hundred tokens at once. A longer text is summarised part by part, and the summaries
again, until one part is left; of a longer passage the part is read that the question points to.
"""

from collections.abc import Generator
from typing import Any

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview
from aigc_core.families import Answer, encoder_decoder, quotes
from aigc_core.families.encoder_decoder import RUNGS, SHARED, USUAL_ROOM, LoadedPair, load, write
from aigc_core.families.extractive import bm25
from aigc_core.families.sentences import Sentence, divided, sentences
from aigc_core.families.word_weights import terms
from aigc_core.media import Writing
from aigc_core.tasks.base import Request
from aigc_core.tasks.text import Sampling
from aigc_core.tasks.writing import AnswerQuestion, SummariseText
from aigc_core.text import Text

__all__ = ["ANSWERS", "RUNGS", "SHARED", "activation_bytes", "load", "smaller"]

SUMMARISE = "summarize: "
ANSWER = "Read this and answer the question.\n\n{passage}\n\n{question}"
# Tokens for the summary of one part of a long text, and what is left for the words around a text.
PART, AROUND = 64, 16
# A text of which less than this share is known says nothing to the model.
KNOWN = 0.5
FEWEST = 32

Events = Generator[FamilyEvent, None, None]

UNREAD = Text(
    "This model does not read the language of the text, or next to nothing of it. Choose another "
    "model.",
    "此模型不认识该文本的语言，或几乎读不懂。请选择其他模型。",
)
SHORTER = Text("at most {count} tokens are written", "最多生成 {count} 个词元")


def summarise(model: LoadedPair, request: SummariseText) -> Events:
    """A summary of at most as many sentences as were asked for.

    `parts` in the details tells into how many parts a long text was divided.
    """
    text, first = request.text, 0
    while len(parts := chunks(model, text, len(model.encode(SUMMARISE)))) > 1:
        first = first or len(parts)
        made: list[str] = []
        for part in parts:
            said = yield from one(model, part.text, request, made, PART, 1)
            made.append(said)
        text = " ".join(filter(None, made))
        if len(chunks(model, text, AROUND)) >= len(parts):
            break  # A model that repeats its text would go on without end.
    source = prompt(model, SUMMARISE, text, "")
    written = yield from write(
        model,
        source,
        request,
        request.tokens,
        enough=lambda said: len(sentences(said)) > request.sentences,
    )
    summary = shortened(written.text, request.sentences)
    details = written.details(source) | {"parts": max(1, first)}
    yield Preview(Writing(summary), step=len(written.tokens))
    yield Finished((Output(Writing(summary), request.seed, details),))


def one(
    model: LoadedPair, text: str, request: Sampling, before: list[str], limit: int, most: int
) -> Generator[FamilyEvent, None, str]:
    """The summary of one part, shown after those of the parts before."""
    written = yield from write(
        model,
        prompt(model, SUMMARISE, text, ""),
        request,
        limit,
        enough=lambda said: len(sentences(said)) > most,
        shown=lambda said: Writing(" ".join([*before, said])),
    )
    return shortened(written.text, most)


def answer(model: LoadedPair, request: AnswerQuestion) -> Events:
    """The answer, and the sentences of the passage that bear it out."""
    before, _, after = ANSWER.format(passage="\0", question=request.question).partition("\0")
    around = len(model.encode(before)) + len(model.encode(after))
    parts = chunks(model, request.passage, min(around, model.room // 2))
    scores = bm25(terms(request.question), [terms(part.text) for part in parts])
    source = prompt(model, before, parts[int(np.argmax(scores))].text, after)
    written = yield from write(model, source, request, request.tokens)
    found = quotes.places(request.passage, written.text, [])
    details: dict[str, Any] = written.details(source) | {
        "parts": len(parts),
        "quotes": [list(place) for place in found],
    }
    yield Finished((Output(Writing(written.text), request.seed, details),))


def prompt(model: LoadedPair, before: str, text: str, after: str) -> list[int]:
    """What the model reads: words around a text, cut to what it can hold.

    Raises:
        InvalidRequest: it knows next to nothing of the text.
    """
    own = model.encode(text)[:-1]
    if len(model.known(own)) <= KNOWN * len(own):
        raise InvalidRequest(UNREAD)
    whole = model.encode(f"{before}{text}{after}")
    return whole if len(whole) <= model.room else [*whole[: model.room - 1], whole[-1]]


def chunks(model: LoadedPair, text: str, around: int) -> list[Sentence]:
    """A text in parts of whole sentences that leave room for so many tokens.

    Raises:
        InvalidRequest: there is nothing in it.
    """
    room = model.room - around - AROUND

    def fits(part: str) -> bool:
        return len(model.encode(part)) <= room

    found = [part for whole in sentences(text) for part in divided(whole, fits)]
    if not found:
        raise InvalidRequest(UNREAD)
    parts: list[Sentence] = []
    for sentence in found:
        if parts:
            start = parts[-1].start
            longer = Sentence(start, sentence.end, text[start : sentence.end])
            if fits(longer.text):
                parts[-1] = longer
                continue
        parts.append(sentence)
    return parts


def shortened(text: str, most: int) -> str:
    """The first sentences of a text."""
    found = sentences(text)
    return text[: found[most - 1].end] if len(found) > most else text


def smaller(model: LoadedPair, request: Any) -> tuple[LoadedPair, Any, Text] | None:
    """The same wish with fewer tokens, and what to tell; None where they are few already."""
    if request.tokens <= FEWEST:
        return None
    fewer = request.model_copy(update={"tokens": max(FEWEST, request.tokens // 2)})
    return model, fewer, SHORTER.fill(count=fewer.tokens)


def activation_bytes(entry: Entry, request: Request | None = None) -> int:
    """A rough bound of what a run takes beyond the weights, in float32."""
    texts = [value for _, value in request or () if isinstance(value, str)]
    read = min(sum(map(len, texts)), USUAL_ROOM) if request else USUAL_ROOM
    return encoder_decoder.activation_bytes(entry, read + getattr(request, "tokens", PART))


ANSWERS: dict[type[Request], Answer] = {SummariseText: summarise, AnswerQuestion: answer}
