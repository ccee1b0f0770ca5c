"""Language models that write character by character, and what they make of a text."""

from aigc_core.events import Finished, Output
from aigc_core.families import Answer
from aigc_core.families.char_model import CharModel, Events, load, prompt_of, write
from aigc_core.families.char_play import chat, script
from aigc_core.families.char_score import score
from aigc_core.families.char_trace import trace
from aigc_core.families.characters import END
from aigc_core.families.token_sampling import sampler
from aigc_core.media import Writing
from aigc_core.tasks.base import Request
from aigc_core.tasks.text import ContinueText, ScoreText, TraceText
from aigc_core.tasks.writing import ChatText, WriteText

__all__ = ["ANSWERS", "COMMON", "load"]


def continue_text(model: CharModel, request: ContinueText) -> Events:
    """The prompt's continuation, a `Preview` of it after each character; a poem's to its end."""
    prompt = prompt_of(model, request.prompt)
    stop = END if model.alphabet.verse else ""
    written = yield from write(model, prompt, sampler(request), request.tokens, stop=stop)
    details = {**prompt.details, **written.details}
    yield Finished((Output(Writing(written.text), request.seed, details),))


# What models of prose and of verse answer alike.
COMMON: dict[type[Request], Answer] = {
    ContinueText: continue_text,
    ScoreText: score,
    TraceText: trace,
}
ANSWERS: dict[type[Request], Answer] = {**COMMON, ChatText: chat, WriteText: script}
