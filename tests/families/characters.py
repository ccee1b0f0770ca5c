"""Small character models with random weights, and what their answers hold."""

from typing import Any

import torch

from aigc_core.events import FamilyEvent, Finished, Output
from aigc_core.families.char_model import CharModel
from aigc_core.gate import Gate
from aigc_core.media import Numbers, Writing
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.models.char_transformer import CharTransformer
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request

PROSE = "\n !',-.3:;?" + "".join(map(chr, (*range(65, 91), *range(97, 123))))
# Six groups of rhymes, several characters in each.
VERSE = "\n57，。" + (
    "天年前边山间风中空红东声人春尘新身林花家霞华斜鸦光霜乡长香床来开台苔回明月是地上举头望低思故疑"
)
KINDS = ("transformer", "gpt2", "lstm")


def placement() -> Placement:
    return Placement("cpu", "float32", Gate(), batching=True)


def network(kind: str, vocabulary: str, context: int = 16, seed: int = 0) -> Any:
    """A network whose next character depends strongly on those before."""
    torch.manual_seed(seed)
    made: Any
    if kind == "lstm":
        made = CharLSTM(vocabulary=vocabulary, embedding=16, width=24)
    else:
        style: Any = "gpt2" if kind == "gpt2" else "modern"
        made = CharTransformer(
            vocabulary=vocabulary, context=context, width=24, layers=2, heads=3, style=style
        )
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return made.eval()


def model(kind: str = "transformer", vocabulary: str = PROSE, **changes: Any) -> CharModel:
    return CharModel(network(kind, vocabulary, **changes), placement())


def outputs(events: Any) -> tuple[Output, ...]:
    *_, last = events
    assert isinstance(last, Finished)
    return last.outputs


def answer(family: Any, model: CharModel, request: Request) -> Output:
    (output,) = outputs(family.ANSWERS[type(request)](model, request))
    return output


def text(output: Output) -> str:
    assert isinstance(output.media, Writing)
    return output.media.text


def numbers(output: Output) -> Any:
    assert isinstance(output.media, Numbers)
    return output.media.array


def events(family: Any, model: CharModel, request: Request) -> list[FamilyEvent]:
    return list(family.ANSWERS[type(request)](model, request))
