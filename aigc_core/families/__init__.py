"""One file per family of models: how it is loaded, which requests it answers and how.

A family module has `load(entry, placement)`, which gives the loaded model, and `ANSWERS`, which
maps each request type to a generator function `(model, request) -> events`. It imports torch,
transformers and diffusers inside its functions, so that a page may ask what it answers for free.
A family of data also has `check()`, which raises an AigcError where they cannot be had.
"""

from collections.abc import Callable, Generator
from typing import Any

from aigc_core.events import FamilyEvent

Answer = Callable[[Any, Any], Generator[FamilyEvent, None, None]]
