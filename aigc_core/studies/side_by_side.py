"""Side by side: the same request to several models in turn."""

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from aigc_core.catalog import Entry
from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Event
from aigc_core.tasks.image import SampleImages
from aigc_core.tasks.study import CompareModels
from aigc_core.text import Text

logger = logging.getLogger(__name__)

BUG = Text(
    "An error in the program ({kind}); it is in the log.", "程序出错（{kind}），已记入日志。"
)


@dataclass(frozen=True)
class Failed:
    """A model could not answer, and why; the others go on."""

    why: Text


@dataclass(frozen=True)
class Step:
    """What one of the models told.

    Args:
        model: its id.
        request: as it was put to it, see `fitting`.
    """

    model: str
    request: SampleImages
    event: Event | Failed


def candidates(engine: Engine) -> list[Entry]:
    """All that can be asked: the models, the default first, and then real data."""
    return [*engine.catalog.answering(SampleImages), *engine.catalog.data(SampleImages)]


def side_by_side(question: CompareModels, engine: Engine) -> Generator[Step, None, None]:
    """Asks the models in turn; each one's last event is a `Result` or a `Failed`.

    The models named are asked in the order of `candidates`, each once.

    Raises:
        UnknownModel: one of them is none of the catalog.
    """
    named = {engine.catalog.find(model).id for model in question.models}
    asked = [entry for entry in candidates(engine) if entry.id in named or not named]
    asked += [engine.catalog.find(id) for id in sorted(named - {entry.id for entry in asked})]
    whole = SampleImages.ask(label=question.label, count=question.count, seed=question.seed)
    for entry in asked:
        request = whole
        try:
            request = fitting(whole, entry)
            with closing(engine.run(request, model=entry.id)) as events:
                for event in events:
                    yield Step(entry.id, request, event)
        except AigcError as error:
            yield Step(entry.id, request, Failed(error.text))
        except Exception as error:
            logger.exception("%s failed beside others", entry.id)
            yield Step(entry.id, request, Failed(BUG.fill(kind=type(error).__name__)))


def fitting(request: SampleImages, entry: Entry) -> SampleImages:
    """The request as a model can be asked it: any digits of one that knows no classes.

    Raises:
        ModelUnavailable: its files do not say whether it does.
    """
    if entry.conditional or not request.label.isdigit():
        return request
    return request.model_copy(update={"label": "any"})
