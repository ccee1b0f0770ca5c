"""Generative models, from scratch and pretrained, behind one way of asking.

`run(request, model=...)` answers a request with the default engine; see `aigc_core.engine`.
"""

import logging
import os
from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigc_core.engine import Engine
    from aigc_core.events import Event
    from aigc_core.tasks import Request

__version__ = "0.1.0"

# Whoever wants the lines of our log says so; failures are told where they matter anyway.
logging.getLogger(__name__).addHandler(logging.NullHandler())
# Its warnings are for people who write models; read when it is imported.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


_chosen: "list[Engine]" = []


@cache
def default_engine() -> "Engine":
    """The engine that apps and command line share within a process."""
    from aigc_core.engine import Engine

    return _chosen[-1] if _chosen else Engine.default()


def use(engine: "Engine") -> None:
    """Makes an engine this process's default, such as one whose models run elsewhere."""
    _chosen.append(engine)
    default_engine.cache_clear()


def run(request: "Request", *, model: str | None = None) -> "Generator[Event, None, None]":
    """`Engine.run` of the default engine."""
    return default_engine().run(request, model=model)
