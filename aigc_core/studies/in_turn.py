"""One model after the other, each with a wish of its own; where one fails, the others go on."""

import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Event
from aigc_core.tasks import Request
from aigc_core.text import Text

logger = logging.getLogger(__name__)

BUG = Text(
    "An error in the program ({kind}); it is in the log.", "程序出错（{kind}），已记入日志。"
)


@dataclass(frozen=True)
class Failed:
    """A model could not answer, and why."""

    why: Text


@dataclass(frozen=True)
class Step:
    """What one of the models told.

    Args:
        model: its id.
        request: as it was put to it; None where it could not be put.
    """

    model: str
    request: Request | None
    event: Event | Failed


def in_turn(
    wishes: Iterable[tuple[str, Callable[[], Request]]], engine: Engine
) -> Generator[Step, None, None]:
    """Asks models in turn; each one's last event is a `Result` or a `Failed`.

    Args:
        wishes: ids of models, and what makes the request to each; an AigcError that it raises is
            that model's failure.
    """
    for model, wish in wishes:
        request = None
        try:
            request = wish()
            with closing(engine.run(request, model=model)) as events:
                for event in events:
                    yield Step(model, request, event)
        except AigcError as error:
            yield Step(model, request, Failed(error.text))
        except Exception as error:
            logger.exception("%s failed beside others", model)
            yield Step(model, request, Failed(BUG.fill(kind=type(error).__name__)))
