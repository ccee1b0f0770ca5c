"""A run that goes on with less where memory runs out.

Idle models go first and the run is tried again as it was; then with smaller settings, which its
family knows; then with the model held in a smaller way. The visitor is told each of them, and the
record of what was made says so too.
"""

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from types import ModuleType

from aigc_core.errors import DeviceLost, OutOfMemory
from aigc_core.events import FamilyEvent, Progress
from aigc_core.failures import is_lost, is_out_of_memory
from aigc_core.lease import Lease
from aigc_core.placement import LoadedModel
from aigc_core.tasks import Request
from aigc_core.text import Text

logger = logging.getLogger(__name__)

AGAIN = Text(
    "Not enough memory: idle models were unloaded, trying again",
    "内存不足：已卸载空闲模型，正在重试",
)
LESS = Text("Not enough memory: {how}", "内存不足：{how}")


@dataclass
class Attempt:
    """A request as it is being answered.

    Args:
        request: what is asked for now; smaller than at first where memory ran out.
        lessened: what was changed, in the order of the changes.
    """

    request: Request
    lessened: list[Text] = field(default_factory=list)


def answered(
    lease: Lease, family: ModuleType, model: str, attempt: Attempt
) -> Generator[FamilyEvent, None, None]:
    """A family's events for a request, over as many attempts as memory needs.

    Raises:
        OutOfMemory: it ran out in every way.
        DeviceLost: the device failed; the next run goes elsewhere.
    """
    again = False
    less: LoadedModel | None = None  # The model with smaller settings, for this run alone.
    while True:
        device = lease.model.placement.device
        failure: Exception | None = None
        try:
            # Closed before the lease is, whatever ends the run.
            with closing(
                family.ANSWERS[type(attempt.request)](less or lease.model, attempt.request)
            ) as events:
                yield from events
            return
        except Exception as error:
            if not is_out_of_memory(error) and not is_lost(error):
                raise
            failure = error
        lost = is_lost(failure)
        if lost:
            logger.error("%s failed on %s for good: %s", model, device, failure)
        # Its frames hold the tensors of the run, and those must be gone before the next attempt.
        failure.__traceback__ = failure.__context__ = failure.__cause__ = None
        del failure
        if lost:
            less = None
            lease.lost()
            raise DeviceLost(device)
        lease.relieve()
        if not again:
            again = True
            yield Progress(0, 0, AGAIN)
            continue
        smaller = getattr(family, "smaller", None)
        if smaller and (found := smaller(less or lease.model, attempt.request)):
            less, attempt.request, how = found
            del found
            attempt.lessened.append(how)
            yield Progress(0, 0, LESS.fill(how=how))
            continue
        less = None  # It is not to keep alive what is unloaded now.
        if how := lease.step_down():
            again = False
            yield Progress(0, 0, LESS.fill(how=how))
            yield from lease.waiting()
            # Room may have been found only further down than expected.
            attempt.lessened.append(lease.how)
            continue
        raise OutOfMemory(model)
