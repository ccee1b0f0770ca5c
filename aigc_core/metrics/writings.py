"""Many texts of one model: runs of the engine in a row."""

from collections.abc import Iterable

from aigc_core.engine import Engine
from aigc_core.media import Writing
from aigc_core.tasks import Request
from aigc_core.text import Text

# A shorter and a longer fence, for a text that holds a fence itself.
FENCES = ("```", "~~~~~")


def written(engine: Engine, model: str, requests: Iterable[Request]) -> list[str]:
    """The texts that answer requests, in order.

    Raises:
        AigcError: as `Engine.run`.
    """
    return [
        artifact.media.text
        for request in requests
        for artifact in engine.result(request, model=model).artifacts
        if isinstance(artifact.media, Writing)
    ]


SAMPLES = Text("{intro}\n\n{blocks}", "{intro}\n\n{blocks}")


def block(text: str) -> str:
    """A text as a block of code in Markdown, whatever stands in it."""
    fence = next(fence for fence in FENCES if fence not in text)
    return f"{fence}text\n{text.strip(chr(10))}\n{fence}"


def samples(intro: Text, texts: Iterable[str]) -> Text:
    """Texts as a card shows them, below a sentence of how they were chosen."""
    blocks = "\n\n".join(block(text) for text in texts)
    return SAMPLES.fill(intro=intro, blocks=blocks)
