"""What a demo is to the suite: a picture, a name, a line, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aigc_core.text import Text


@dataclass(frozen=True)
class Demo:
    """One demo of a modality.

    Args:
        id: its part of URLs and of API names.
        title: its name.
        line: one line for the home page.
        poster: a picture that its models made.
        draw: draws it into the current Gradio context.
    """

    id: str
    title: Text
    line: Text
    poster: Path
    draw: Callable[[], None]


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
