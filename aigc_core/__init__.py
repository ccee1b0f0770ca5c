"""Generative models, from scratch and pretrained, behind one way of asking.

`run(request, model=...)` answers a request with the default engine; see `aigc_core.engine`.
"""

from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigc_core.engine import Engine
    from aigc_core.events import Event
    from aigc_core.tasks import Request

__version__ = "0.1.0"


@cache
def default_engine() -> "Engine":
    """The engine that apps and command line share within a process."""
    from aigc_core.engine import Engine

    return Engine.default()


def run(request: "Request", *, model: str | None = None) -> "Generator[Event, None, None]":
    """`Engine.run` of the default engine."""
    return default_engine().run(request, model=model)
