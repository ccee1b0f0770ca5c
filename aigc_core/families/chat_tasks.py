"""Tasks for models that follow instructions, wherever such a model runs: here or on a server."""

from collections.abc import Callable, Generator
from typing import Any

from aigc_core import verse
from aigc_core.events import FamilyEvent, Finished, Output, Preview
from aigc_core.families import chat_prompts, quotes
from aigc_core.families.asking import Chatter, Said
from aigc_core.families.long_writing import write_by_parts
from aigc_core.media import Writing
from aigc_core.tasks import (
    AnswerQuestion,
    ChatText,
    ComposePoem,
    Request,
    SummariseText,
    TranslateText,
    WriteText,
)
from aigc_core.tasks.text import Sampling

Events = Generator[FamilyEvent, None, None]


def chat(chatter: Chatter, request: ChatText) -> Events:
    """The answer to the last message."""
    wish = chat_prompts.chat(request)
    said = yield from chatter.ask(wish, request, request.tokens, thinking=request.thinking)
    yield done(said, request.seed)


def summarise(chatter: Chatter, request: SummariseText) -> Events:
    said = yield from chatter.ask(chat_prompts.summary(request), request, request.tokens)
    yield done(said, request.seed)


def answer(chatter: Chatter, request: AnswerQuestion) -> Events:
    """The answer, without the lines that quote the passage; these tell where its support stands."""

    def shown(writing: Writing) -> Writing:
        return Writing(quotes.split(writing.text)[0], writing.thinking)

    wish = chat_prompts.question(request)
    said = yield from chatter.ask(wish, request, request.tokens, shown=shown)
    text, quoted = quotes.split(said.writing.text)
    found = quotes.places(request.passage, text, quoted)
    # Where it wrote the quote alone, that is the answer.
    writing = Writing(text or "\n".join(quoted), said.writing.thinking)
    yield Preview(writing, step=said.details.get("tokens", 0))
    more = {"quotes": [list(place) for place in found]}
    yield done(Said(writing, said.details | more, said.tolerance), request.seed)


def translate(chatter: Chatter, request: TranslateText) -> Events:
    """The likeliest translation, token by token: such a model follows one beam alone."""
    # A character takes no more than two tokens, in either language.
    most = 2 * len(request.text) + 64
    said = yield from chatter.ask(
        chat_prompts.translation(request), Sampling(temperature=0.0), most
    )
    more = {
        "source": chatter.texts(request.text),
        "tokens": chatter.texts(said.writing.text),
        "others": [],
        "left_out": "",
    }
    yield done(Said(said.writing, said.details | more, said.tolerance), 0)


def write(chatter: Chatter, request: WriteText) -> Events:
    """A text to a brief, at once or by parts."""
    if request.parts == 1:
        said = yield from chatter.ask(chat_prompts.writing(request), request, request.tokens)
    else:
        said, titles = yield from write_by_parts(chatter, request)
        said = Said(said.writing, said.details | {"outline": titles}, said.tolerance)
    yield done(said, request.seed)


def compose(chatter: Chatter, request: ComposePoem) -> Events:
    """A quatrain, which nothing holds to its form: `details` say whether it is kept."""

    def shown(writing: Writing) -> Writing:
        return Writing(verse.in_lines(writing.text.strip()), writing.thinking)

    wish = Sampling(temperature=request.temperature, seed=request.seed)
    said = yield from chatter.ask(chat_prompts.poem(request), wish, verse.TOKENS, shown=shown)
    writing = shown(said.writing)
    more = {**verse.told(writing.text, int(request.form)), "chosen": 0, "left_out": ""}
    yield done(Said(writing, said.details | more, said.tolerance), request.seed)


def done(said: Said, seed: int) -> Finished:
    return Finished((Output(said.writing, seed, said.details, tolerance=said.tolerance),))


TASKS: dict[type[Request], Callable[[Chatter, Any], Events]] = {
    ChatText: chat,
    SummariseText: summarise,
    AnswerQuestion: answer,
    TranslateText: translate,
    WriteText: write,
    ComposePoem: compose,
}
