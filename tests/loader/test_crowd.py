import gc
import random
import threading
import time
from collections import Counter

from aigc_core.errors import DoesNotFit
from aigc_core.status import ModelState
from tests.loader.house import (
    GB,
    Fake,
    House,
    Machine,
    Model,
    Threads,
    ready,
)
from tests.waiting import until


def test_state_tells_everything() -> None:
    house = House()
    fake = house.add("gan", shared=False)
    fake.before = lambda: setattr(house.clock, "now", house.clock.now + 5)
    lease, other = house.loader.ask("gan"), house.loader.ask("gan")
    ready(lease)
    state = ModelState(
        id="gan",
        status="ready",
        reason=None,
        device="cpu",
        dtype="float32",
        bytes=GB,
        refs=1,
        waiting=1,
        uses=1,
        last_use=5.0,
        load_seconds=5.0,
        pinned=False,
    )
    assert house.loader.state() == (state,)
    house.clock.now = 8.0
    other.close()
    lease.close()
    assert house.state("gan").last_use == 8.0


def test_many_visitors_leave_nothing_behind() -> None:
    machine = Machine(cuda0=6 * GB, cpu=9 * GB)
    house = House(machine, clock=time.monotonic, allowance=lambda device: 3 * GB)
    for number in range(6):
        house.add(f"model {number}", weight_bytes=GB * (1 + number % 3), shared=number % 2 == 0)
    users: Counter[int] = Counter()
    lock = threading.Lock()
    mistakes: list[str] = []

    def visit(place: int) -> None:
        luck = random.Random(place)
        for _ in range(15):
            fake = house.fakes[f"model {luck.randrange(6)}"]
            if luck.random() < 0.1:
                fake.failures.append(luck.choice([MemoryError(), ValueError("bug")]))
            with house.loader.ask(fake.id) as lease:
                if luck.random() < 0.2:
                    continue
                try:
                    for _ in lease.waiting(poll=0.01):
                        if luck.random() < 0.05:
                            break
                    else:
                        use(fake, lease.model)
                except (DoesNotFit, ValueError):
                    continue

    def use(fake: Fake, model: Model) -> None:
        with lock:
            users[id(model)] += 1
            if users[id(model)] > 1 and not fake.shared:
                mistakes.append(f"{fake.id} was lent twice")
        time.sleep(0.001)
        with lock:
            users[id(model)] -= 1
            if model.closed:
                mistakes.append(f"{fake.id} was closed while in use")

    answers = Threads(8, visit).join()
    assert [answer for answer in answers if answer is not None] == []
    assert mistakes == []
    until(lambda: all(state.status != "loading" for state in house.loader.state()))
    assert all(state.refs == state.waiting == 0 for state in house.loader.state())
    house.loader.close()
    until(lambda: not house.loaded)
    assert +machine.used == Counter()
    gc.collect()
    assert all(model() is None for fake in house.fakes.values() for model in fake.alive)
