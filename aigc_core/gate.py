"""The construction gate: models are built while no step of any model runs.

Building a model the Hugging Face way is not safe beside anything else in the process:
`from_pretrained` sets torch's default dtype and patches `register_parameter` for everybody while
it works. Two builds at once leave weights on the `meta` device, and a step that runs beside a
build makes its tensors in the builder's dtype, both without an error. So a build has the process
to itself, and the steps of running models, which may overlap as they like, let it in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """Held alone by a build, shared by steps; a waiting build goes before new steps.

    The gate is owned by the work and not by a thread: it is two counters and a flag, so that the
    next step of a run may come on another thread than the last one.

    Hold it for one step, never across a yield: a run that is suspended inside the gate would keep
    every build waiting. A step must not enter the gate again, nor may a build enter a step.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._steps = 0
        self._waiting = 0
        self._building = False

    @contextmanager
    def building(self) -> Iterator[None]:
        """Waits until running steps have ended, then keeps steps and other builds out."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._building and not self._steps)
                self._building = True
            finally:
                self._waiting -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._building = False
                self._changed.notify_all()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Waits while a model is being built or a build waits, then runs beside other steps."""
        with self._changed:
            self._changed.wait_for(lambda: not self._building and not self._waiting)
            self._steps += 1
        try:
            yield
        finally:
            with self._changed:
                self._steps -= 1
                self._changed.notify_all()


PROCESS = Gate()
"""The gate of this process. What a build changes belongs to the process, so one gate is right."""
