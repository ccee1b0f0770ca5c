"""Side by side: the same request to several models in turn."""

from collections.abc import Generator
from functools import partial

from aigc_core.catalog import Entry
from aigc_core.engine import Engine
from aigc_core.studies.in_turn import Step, in_turn
from aigc_core.tasks.image import SampleImages
from aigc_core.tasks.study import CompareModels


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
    yield from in_turn([(entry.id, partial(fitting, whole, entry)) for entry in asked], engine)


def fitting(request: SampleImages, entry: Entry) -> SampleImages:
    """The request as a model can be asked it: any digits of one that knows no classes.

    Raises:
        ModelUnavailable: its files do not say whether it does.
    """
    if entry.conditional or not request.label.isdigit():
        return request
    return request.model_copy(update={"label": "any"})
