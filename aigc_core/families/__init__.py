"""One file per family of models: how it is loaded, which requests it answers and how.

A family module has `load(entry, placement, step)`, which gives the loaded model and calls `step`
between the parts of a long load, and `ANSWERS`, which maps each request type to a generator
function `(model, request) -> events`. It imports torch, transformers and diffusers inside its
functions, so that a page may ask what it answers for free. What it may have besides:

- `SHARED`: whether one loaded model serves several runs at once; it does unless this is False.
- `RUNGS`: the ways in which it can be held on an accelerator, the quickest first.
- `activation_bytes(entry, request)`: what a run takes beyond the weights, in float32.
- `smaller(model, request)`: the same wish with less memory, and what to tell the visitor.
- `check()`, of data and remote models: raises an AigcError where they cannot be had.
"""

from collections.abc import Callable, Generator
from typing import Any

from aigc_core.events import FamilyEvent

Answer = Callable[[Any, Any], Generator[FamilyEvent, None, None]]
