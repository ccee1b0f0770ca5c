"""Many visitors who do everything at once, give up, and have bad luck; nothing is left behind."""

import random
import threading
import time
from collections import Counter

import pytest

from aigc_core.errors import AigcError, Cancelled, DoesNotFit
from aigc_core.footprint import Rung
from aigc_core.hub.transfer import Report, Transfer
from aigc_core.lease import Lease
from tests.loader.house import GB, House, Machine, Model, OutOfMemoryError, Threads

RUNGS: tuple[Rung, ...] = ("full", "offload", "group", "sequential")
EXPECTED = (AigcError, OutOfMemoryError, ValueError)


class Crowd:
    """Visitors of one house, and what they saw go wrong.

    Args:
        house: whose models they use.
        lost: whether devices fail too.
    """

    def __init__(self, house: House, *, lost: bool) -> None:
        self.house, self.lost = house, lost
        self.users: Counter[int] = Counter()
        self.lock = threading.Lock()
        self.mistakes: list[str] = []
        self.done: Counter[str] = Counter()

    def visit(self, luck: random.Random) -> None:
        doings = {
            self.run: 8,
            self.meet: 2,
            self.give_up: 3,
            self.prefetch: 1,
            self.spoil: 2,
            self.evict: 1,
            self.look: 1,
        }
        (doing,) = luck.choices(list(doings), list(doings.values()))
        try:
            doing(luck)
        except EXPECTED as error:
            self.done[type(error).__name__] += 1
        else:
            self.done[doing.__name__] += 1

    def name(self, luck: random.Random) -> str:
        return luck.choice(list(self.house.fakes))

    def run(self, luck: random.Random) -> None:
        """A run that may run out of memory, step down, or lose its device."""
        priority = luck.choice(["person", "batch"])
        id = self.name(luck)
        taken = luck.choice([0, GB])
        with self.house.loader.ask(id, priority=priority, activations=taken) as lease:  # type: ignore[arg-type]
            self.wait(lease)
            while True:
                self.use(lease.model)
                if luck.random() > 0.15:
                    return
                lease.relieve()
                if lease.step_down() is None:
                    break
                self.wait(lease)
            if self.lost and luck.random() < 0.2 and lease.model.device != "cpu":
                lease.lost()

    def meet(self, luck: random.Random) -> None:
        ids = luck.sample(list(self.house.fakes), 2)
        with self.house.loader.together(*ids) as group:
            for _ in group.waiting(poll=0.005):
                if luck.random() < 0.02:
                    return
            for model in group.models:
                self.use(model)

    def give_up(self, luck: random.Random) -> None:
        with self.house.loader.ask(self.name(luck)) as lease:
            for _ in lease.waiting(poll=luck.uniform(0, 0.01)):
                if luck.random() < 0.5:
                    return

    def prefetch(self, luck: random.Random) -> None:
        steps = self.house.loader.fetch(self.name(luck))
        for _ in range(luck.randrange(3)):
            next(steps, None)
        steps.close()

    def spoil(self, luck: random.Random) -> None:
        """Bad luck for the next load of a model."""
        fake = self.house.fakes[self.name(luck)]
        kind = luck.choice(["early", "late", "bug", "far"])
        if kind == "early":
            fake.failures.append(MemoryError())
        elif kind == "late":
            fake.late.append(OutOfMemoryError())
        elif kind == "bug":
            fake.failures.append(ValueError("a bug"))
        else:
            fake.fetching = a_short_download

    def evict(self, luck: random.Random) -> None:
        self.house.loader.evict(self.name(luck))

    def look(self, luck: random.Random) -> None:
        status = self.house.loader.status()
        if any(state.refs < 0 for state in status.models):
            self.mistakes.append("fewer than no leases")
        self.house.loader.fit(self.name(luck))

    def wait(self, lease: Lease) -> None:
        for _ in lease.waiting(poll=0.01):
            pass

    def use(self, model: Model) -> None:
        with self.lock:
            self.users[id(model)] += 1
            if self.users[id(model)] > 1 and not self.house.fakes[model.id].shared:
                self.mistakes.append(f"{model.id} was lent twice")
        time.sleep(0.001)
        with self.lock:
            self.users[id(model)] -= 1
            if model.closed:
                self.mistakes.append(f"{model.id} was closed while in use")


def a_short_download(report: Report) -> None:
    for done in range(3):
        report(Transfer(done, 3))
        time.sleep(0.002)


@pytest.mark.parametrize("lost", [False, True], ids=["devices hold", "devices fail"])
@pytest.mark.parametrize("rounds", [80, pytest.param(1500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", [0, 1])
def test_many_visitors_leave_nothing_behind(seed: int, rounds: int, lost: bool) -> None:
    machine = Machine(cuda0=6 * GB, cuda1=5 * GB, cpu=9 * GB)
    machine.pieces["cuda1"] = 2 * GB
    house = House(
        machine,
        clock=time.monotonic,
        allowance=lambda device: 3 * GB,
        idle_seconds=0.05,
        patience=20.0,
    )
    for number in range(7):
        house.add(
            f"model {number}",
            weight_bytes=GB * (1 + number % 4),
            shared=number % 2 == 0,
            rungs=RUNGS if number > 3 else ("full",),
            steps=number == 2,
        )
    house.loader.pin("model 0")
    crowd = Crowd(house, lost=lost)

    def visit(place: int) -> None:
        luck = random.Random(100 * seed + place)
        for _ in range(rounds):
            crowd.visit(luck)

    answers = Threads(8, visit).join(20.0 + rounds)
    assert [answer for answer in answers if answer is not None] == []
    assert crowd.mistakes == []
    assert crowd.done["run"] > rounds
    # With two models in memory at most in each place, waiting must have been the rule.
    assert crowd.done[DoesNotFit.__name__] < rounds
    assert crowd.done[Cancelled.__name__] == 0
    house.empty()
