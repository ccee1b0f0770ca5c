"""What a demo is to the suite: a picture, a name, a line, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aigc_core import default_engine
from aigc_core.tasks import Request
from aigc_core.text import Text


@dataclass(frozen=True)
class Demo:
    """One demo of a modality.

    Args:
        id: its part of URLs and of API names.
        title: its name.
        line: one line for the home page.
        poster: a picture or a text (.txt) that its models made.
        draw: draws it into the current Gradio context.
        needs: a request that some model must answer for the demo to be there.
    """

    id: str
    title: Text
    line: Text
    poster: Path
    draw: Callable[[], None]
    needs: type[Request] | None = None


@dataclass(frozen=True)
class Modality:
    """One page of the suite.

    Args:
        path: its URL below the suite's.
        title: its name.
        demos: in the order of the page.
    """

    path: str
    title: Text
    demos: tuple[Demo, ...]

    @property
    def present(self) -> tuple[Demo, ...]:
        """The demos that the models of the catalog suffice for."""
        return tuple(
            demo for demo in self.demos if not demo.needs or default_engine().models(demo.needs)
        )
