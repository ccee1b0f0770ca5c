"""A family whose runs take memory of pretended devices, and an engine over it."""

import sys
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from aigc_core.catalog import Catalog, Entry, Licences, Words
from aigc_core.engine import Engine
from aigc_core.events import Event, FamilyEvent, Finished, Output, Progress
from aigc_core.footprint import Rung
from aigc_core.media import sheet
from aigc_core.tasks import SampleImages
from aigc_core.text import Text
from tests.loader.house import GB, Held, House, Machine, Model

STEP = Text("a step", "一步")
FEWER = Text("{count} at a time", "每次 {count} 个")
LADDER: tuple[Rung, ...] = ("full", "offload", "group", "sequential")


@dataclass
class Greedy:
    """What its runs do.

    Args:
        each: bytes that a run takes for each picture, at its third step.
        least: pictures below which its family knows nothing smaller.
        rungs: on which nothing is taken; elsewhere memory always runs out.
        errors: raised at the third step of the next runs, by whatever name.
        attempts: the count, device and rung of each attempt.
        left: of the tensors of earlier attempts, those that live as the next one begins.
        during: called at the third step.
    """

    machine: Machine
    each: int = 0
    least: int = 1
    rungs: tuple[str, ...] | None = None
    errors: list[Exception] = field(default_factory=list)
    attempts: list[tuple[int, str, str]] = field(default_factory=list)
    tensors: list["weakref.ref[Held]"] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def answer(self, model: Model, request: SampleImages) -> Generator[FamilyEvent, None, None]:
        self.left.append(sum(tensor() is not None for tensor in self.tensors))
        self.attempts.append((request.count, model.device, model.rung))
        kept = self.machine.hold(model.device, 1000)
        self.tensors.append(weakref.ref(kept))
        for step in range(5):
            yield Progress(step, 5, STEP)
            assert not model.closed
            if step == 2:
                self.during()
                if self.errors:
                    raise self.errors.pop(0)
                if self.rungs is not None and self.where(model) not in self.rungs:
                    self.machine.hold(model.device, 10**15)
                taken = self.machine.hold(model.device, request.count * self.each)
                self.tensors.append(weakref.ref(taken))
        yield Finished(
            (Output(sheet(np.zeros((1, 4, 4), np.uint8), columns=1), seed=request.seed),)
        )

    def where(self, model: Model) -> str:
        return "cpu" if model.device == "cpu" else model.rung

    def smaller(
        self, model: Model, request: SampleImages
    ) -> tuple[Model, SampleImages, Text] | None:
        count = request.count // 2
        if count < self.least:
            return None
        return model, request.model_copy(update={"count": count}), FEWER.fill(count=count)


class Kitchen:
    """A house, its greedy family, and an engine."""

    def __init__(self, patch: pytest.MonkeyPatch, machine: Machine, **options: Any) -> None:
        self.house = House(machine, **options)
        self.family = Greedy(machine)
        module: Any = ModuleType("tests.engine.greedy_family")
        module.ANSWERS = {SampleImages: lambda m, r: self.family.answer(m, r)}
        module.smaller = lambda m, r: self.family.smaller(m, r)
        patch.setitem(sys.modules, module.__name__, module)
        self.entries: list[Entry] = []
        self.engine = Engine(Catalog([]), self.house.loader)

    def add(self, id: str, **facts: Any) -> None:
        self.house.add(id, **facts)
        entry = Entry(
            id=id,
            title=Words(en=id, zh=id),
            about=Words(en=id, zh=id),
            family="tests.engine.greedy_family",
            origin="hub",
            folder=Path(),
            repo="org/name",
            revision="0" * 40,
            licences=Licences(weights="none", data="none"),
        )
        self.engine.catalog.add(entry)

    def run(self, id: str = "gan", count: int = 16) -> Generator[Event, None, None]:
        return self.engine.run(SampleImages.ask(count=count), model=id)

    def empty(self) -> None:
        """Nothing is held any more, and all tensors of all attempts are dead."""
        self.house.empty()
        assert all(tensor() is None for tensor in self.family.tensors)


def told(events: list[Event]) -> list[Text]:
    """What a visitor was told beyond steps and waiting."""
    return [e.note for e in events if isinstance(e, Progress) and "memory: " in e.note.en]


__all__ = ["FEWER", "GB", "LADDER", "Greedy", "Kitchen", "told"]
