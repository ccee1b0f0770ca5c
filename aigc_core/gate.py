"""The construction gate: models are built while no step of any model runs.

Building a model the Hugging Face way is not safe beside anything else in the process:
`from_pretrained` sets torch's default dtype and patches `register_parameter` for everybody while
it works. Two builds at once leave weights on the `meta` device, and a step that runs beside a
build makes its tensors in the builder's dtype, both without an error. So a build has the process
to itself, and the steps of running models, which may overlap as they like, let it in between.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """Held alone by a build, shared by steps; a waiting build goes before new steps.

    The gate is owned by the work and not by a thread: it is a few counters, so that the next step
    of a run may come on another thread than the last one.

    Hold it for one step, never across a yield: a run that is suspended inside the gate would keep
    every build waiting. A step must not enter the gate again, nor may a build enter a step.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._steps = 0
        self._steps_waiting = 0
        self._builds_waiting = 0
        self._building = False

    @contextmanager
    def building(self) -> Iterator[Callable[[], None]]:
        """Waits until running steps have ended, then keeps steps and other builds out.

        Yields a function that lets the steps in that wait: to be called between the parts of a
        long build, when nothing of the process is changed.
        """
        self._enter_build()
        try:
            yield self._pause_build
        finally:
            self._leave_build()

    @contextmanager
    def step(self) -> Iterator[Callable[[], None]]:
        """Waits while a model is being built or a build waits, then runs beside other steps.

        Yields a function that lets a waiting build in: for code that makes many steps in one
        call, and calls back between them.
        """
        self._enter_step()
        try:
            yield self._pause_step
        finally:
            self._leave_step()

    def _enter_build(self) -> None:
        with self._changed:
            self._builds_waiting += 1
            try:
                self._changed.wait_for(lambda: not self._building and not self._steps)
                self._building = True
            finally:
                self._builds_waiting -= 1
                self._changed.notify_all()

    def _leave_build(self) -> None:
        with self._changed:
            self._building = False
            self._changed.notify_all()

    def _pause_build(self) -> None:
        self._leave_build()
        with self._changed:
            self._changed.wait_for(lambda: not self._steps_waiting or self._builds_waiting > 0)
        self._enter_build()

    def _enter_step(self) -> None:
        with self._changed:
            self._steps_waiting += 1
            try:
                self._changed.wait_for(lambda: not self._building and not self._builds_waiting)
                self._steps += 1
            finally:
                self._steps_waiting -= 1
                self._changed.notify_all()

    def _leave_step(self) -> None:
        with self._changed:
            self._steps -= 1
            self._changed.notify_all()

    def _pause_step(self) -> None:
        with self._changed:
            if not self._builds_waiting:
                return
        self._leave_step()
        self._enter_step()


PROCESS = Gate()
"""The gate of this process. What a build changes belongs to the process, so one gate is right."""
