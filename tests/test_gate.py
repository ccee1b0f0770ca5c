import threading

import pytest

from aigc_core.gate import Gate
from tests.waiting import SOON, end, start


def until_a_build_waits(gate: Gate) -> None:
    with gate._changed:
        assert gate._changed.wait_for(lambda: gate._builds_waiting, SOON)


def test_steps_overlap() -> None:
    gate, inside = Gate(), threading.Barrier(3)

    def step() -> None:
        with gate.step():
            inside.wait(SOON)

    end(*[start(step) for _ in range(3)])
    assert not inside.broken


def test_builds_and_steps_exclude_each_other() -> None:
    gate, running, lock = Gate(), {"builds": 0, "steps": 0}, threading.Lock()
    seen: set[tuple[int, int]] = set()

    def enter(kind: str) -> None:
        with lock:
            running[kind] += 1
            seen.add((running["builds"], running["steps"]))

    def leave(kind: str) -> None:
        with lock:
            running[kind] -= 1

    def steps() -> None:
        for _ in range(200):
            with gate.step():
                enter("steps")
                leave("steps")

    def builds() -> None:
        for _ in range(50):
            with gate.building():
                enter("builds")
                leave("builds")

    end(*[start(steps) for _ in range(4)], *[start(builds) for _ in range(2)])
    assert {(builds, steps) for builds, steps in seen if builds} == {(1, 0)}


def test_new_steps_let_a_waiting_build_go_first() -> None:
    gate, order = Gate(), list[str]()

    def build() -> None:
        with gate.building():
            order.append("build")

    def step() -> None:
        with gate.step():
            order.append("step")

    with gate.step():
        builder = start(build)
        until_a_build_waits(gate)
        stepper = start(step)
        order.append("first step ends")
    end(builder, stepper)
    assert order == ["first step ends", "build", "step"]


def test_a_build_gets_in_while_steps_hammer() -> None:
    gate, stop = Gate(), threading.Event()

    def hammer() -> None:
        while not stop.is_set():
            with gate.step():
                pass

    hammers = [start(hammer) for _ in range(4)]
    built = threading.Event()

    def build() -> None:
        for _ in range(5):
            with gate.building():
                pass
        built.set()

    start(build)
    got_in = built.wait(SOON)
    stop.set()
    end(*hammers)
    assert got_in


def test_a_step_may_end_on_another_thread() -> None:
    gate, built = Gate(), threading.Event()
    step = gate.step()
    step.__enter__()

    def build() -> None:
        with gate.building():
            built.set()

    builder = start(build)
    until_a_build_waits(gate)
    assert not built.is_set()
    leave = threading.Thread(target=step.__exit__, args=(None, None, None))
    leave.start()
    end(leave, builder)
    assert built.is_set()


def test_a_failed_build_or_step_leaves_the_gate_open() -> None:
    gate = Gate()
    with pytest.raises(ValueError), gate.building():
        raise ValueError
    with pytest.raises(ValueError), gate.step():
        raise ValueError
    with gate.building():
        pass
    with gate.step():
        pass


def test_steps_never_see_the_default_dtype_of_a_build() -> None:
    torch = pytest.importorskip("torch")
    gate, stop, seen = Gate(), threading.Event(), set[object]()

    def steps() -> None:
        while not stop.is_set():
            with gate.step():
                seen.add(torch.empty(1).dtype)

    steppers = [start(steps) for _ in range(3)]
    for _ in range(50):
        with gate.building():
            before = torch.get_default_dtype()
            torch.set_default_dtype(torch.float16)
            assert torch.empty(1).dtype == torch.float16
            torch.set_default_dtype(before)
    with gate.step():
        pass
    stop.set()
    end(*steppers)
    assert seen == {torch.float32}


def test_a_long_build_lets_waiting_steps_in() -> None:
    gate, order = Gate(), list[str]()

    def step() -> None:
        with gate.step():
            order.append("step")

    with gate.building() as pause:
        steps = [start(step) for _ in range(3)]
        with gate._changed:
            assert gate._changed.wait_for(lambda: gate._steps_waiting == 3, SOON)
        assert order == []
        pause()
        order.append("build goes on")
        late = start(step)
        with gate._changed:
            assert gate._changed.wait_for(lambda: gate._steps_waiting == 1, SOON)
        assert order == ["step", "step", "step", "build goes on"]
    end(*steps, late)


def test_a_long_step_lets_a_waiting_build_in() -> None:
    gate, order = Gate(), list[str]()

    def build() -> None:
        with gate.building():
            order.append("build")

    with gate.step() as pause:
        pause()
        building = start(build)
        until_a_build_waits(gate)
        assert order == []
        pause()
        order.append("step goes on")
    end(building)
    assert order == ["build", "step goes on"]
