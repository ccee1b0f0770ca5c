import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_core.engine import Engine
from aigc_core.tasks.image import SampleImages
from apps.ui import runs
from tests.apps.slow import Slow
from tests.apps.visiting import Client
from tests.waiting import until

STEP = 0.02
# What a busy machine may add to anything.
SLACK = 1.0
VALUES = {"label": "each", "count": 1, "seed": 0, "truncation": 1.0, "model": "slow"}


def in_use(engine: Engine, model: str = "slow") -> int:
    return sum(state.refs for state in engine.loader.state() if state.id == model)


def start(session: str, seen: list[Any]) -> asyncio.Task[None]:
    """A run as a page drives it: in a task that is cancelled when the visitor stops it."""
    client = SimpleNamespace(host="192.0.2.1")
    web: Any = SimpleNamespace(client=client, session_hash=session, headers={})

    async def drive() -> None:
        async for event in runs.events(SampleImages(), "slow", web):
            seen.append(event)  # noqa: PERF401 (others read it meanwhile)

    return asyncio.create_task(drive())


async def running(seen: list[Any]) -> None:
    while not seen:
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("wait", [0.0, 0.004, 0.011, 0.017, 0.023, 0.031])
def test_a_cancelled_run_ends_with_its_step_wherever_it_is(
    engine_with: Callable[..., Engine], wait: float
) -> None:
    engine = engine_with(slow := Slow("slow", STEP))

    async def stop() -> float:
        seen: list[Any] = []
        task = start("a", seen)
        await running(seen)
        assert in_use(engine) == 1
        await asyncio.sleep(wait)
        begin = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        took = time.monotonic() - begin
        assert task.cancelled()
        return took

    assert asyncio.run(stop()) < STEP + 0.1 + SLACK
    assert in_use(engine) == 0
    assert runs.TURNS.free == 16
    done = len(slow.taken)
    time.sleep(3 * STEP)
    assert len(slow.taken) == done


def test_a_cancelled_run_is_usually_over_within_a_step_and_a_tenth_of_a_second(
    engine_with: Callable[..., Engine],
) -> None:
    engine_with(Slow("slow", 0.2))

    async def stop() -> float:
        seen: list[Any] = []
        task = start("a", seen)
        await running(seen)
        await asyncio.sleep(0.03)
        begin = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - begin

    assert min(asyncio.run(stop()) for _ in range(4)) < 0.2 + 0.1


def test_being_cancelled_twice_changes_nothing(engine_with: Callable[..., Engine]) -> None:
    engine = engine_with(Slow("slow", 0.2))

    async def stop() -> None:
        seen: list[Any] = []
        task = start("a", seen)
        await running(seen)
        await asyncio.sleep(0.02)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.02)
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(stop())
    assert in_use(engine) == 0
    assert runs.TURNS.free == 16


def test_more_stops_than_turns_leave_room_for_the_next(
    engine_with: Callable[..., Engine],
) -> None:
    engine = engine_with(Slow("slow", 0.005))

    async def stop_many() -> None:
        for place in range(20):
            seen: list[Any] = []
            task = start(f"s{place}", seen)
            await running(seen)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(stop_many())
    assert runs.TURNS.free == 16
    assert in_use(engine) == 0


def test_a_step_that_fails_as_it_is_cancelled_gives_everything_back(
    engine_with: Callable[..., Engine], caplog: pytest.LogCaptureFixture
) -> None:
    cancelled = threading.Event()

    def fail(step: int) -> None:
        if step == 1:
            cancelled.wait(10)
            raise RuntimeError

    engine = engine_with(Slow("slow", STEP, work=fail))

    async def stop() -> None:
        seen: list[Any] = []
        task = start("a", seen)
        await running(seen)
        await asyncio.sleep(0.05)
        task.cancel()
        cancelled.set()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(stop())
    assert in_use(engine) == 0
    assert runs.TURNS.free == 16
    assert "never retrieved" not in caplog.text


def test_whoever_waits_for_a_turn_may_leave(engine_with: Callable[..., Engine]) -> None:
    engine_with(Slow("slow", 0.1))

    async def leave() -> None:
        tasks = [start("a", []) for _ in range(16 + 8)]
        await asyncio.sleep(0.3)
        assert runs.TURNS.free == 0
        for task in tasks[16:]:
            task.cancel()
        await asyncio.gather(*tasks[16:], return_exceptions=True)
        assert not runs.TURNS.lines
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(leave())
    assert runs.TURNS.free == 16


def test_whoever_waits_is_told_the_place(engine_with: Callable[..., Engine]) -> None:
    engine_with(Slow("slow", 0.1))

    async def wait() -> str:
        tasks = [start("a", []) for _ in range(16 + 2)]
        seen: list[Any] = []
        tasks.append(start("b", seen))
        await running(seen)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return str(seen[0].note.en)

    assert asyncio.run(wait()) == "waiting, 1 before you"


@pytest.mark.usefixtures("quiet")
class TestServed:
    def test_a_closed_stream_ends_the_run(
        self, visitor: Callable[..., Client], engine_with: Callable[..., Engine]
    ) -> None:
        engine = engine_with(slow := Slow("slow", STEP))
        client = visitor()
        events = client.events("image_sample", client.post("image_sample", **VALUES))
        for _ in range(3):
            next(events)
        assert in_use(engine) == 1
        events.close()
        assert until(lambda: in_use(engine) == 0) < STEP + 0.1 + SLACK
        until(lambda: runs.TURNS.free == 16)
        assert len(slow.taken) < slow.steps

    def test_the_stop_button_ends_the_run(
        self, visitor: Callable[..., Client], engine_with: Callable[..., Engine]
    ) -> None:
        engine = engine_with(slow := Slow("slow", STEP))
        client = visitor()
        id = client.join("image_sample", list(VALUES.values()))
        until(lambda: len(slow.taken) > 3)
        assert in_use(engine) == 1
        client.http.post(
            f"{client.api}cancel",
            json={
                "session_hash": client.session,
                "fn_index": client.functions["image_sample"],
                "event_id": id,
            },
        ).raise_for_status()
        assert until(lambda: in_use(engine) == 0) < STEP + 0.1 + SLACK
        until(lambda: runs.TURNS.free == 16)
        assert len(slow.taken) < slow.steps

    def test_unrelated_jobs_keep_their_settings_of_torch(
        self, visitor: Callable[..., Client], engine_with: Callable[..., Engine]
    ) -> None:
        import torch

        found: set[Any] = set()
        probing = threading.Event()

        def look(step: int) -> None:
            grad, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
            found.add((grad, inference, torch.get_default_dtype()))
            probing.set()

        def compute(step: int) -> None:
            with torch.inference_mode():
                torch.ones(2) + 1

        slow = Slow("slow", 0.005, work=compute)
        probe = Slow("probe", 0.005, steps=60, work=look)
        engine = engine_with(slow, probe)
        stopped = visitor()
        events = stopped.events("image_sample", stopped.post("image_sample", **VALUES))
        next(events)

        def ask(model: str) -> str:
            return visitor().ask("image_sample", **{**VALUES, "count": 100, "model": model})[0]

        with ThreadPoolExecutor(4) as pool:
            probes = [pool.submit(ask, "probe")]
            assert probing.wait(15)
            others = [pool.submit(ask, "dcgan-mnist") for _ in range(2)]
            events.close()
            kinds = {job.result() for job in [*probes, *others]}
        assert kinds == {"complete"}
        assert found == {(True, False, torch.float32)}
        until(lambda: not in_use(engine) and not in_use(engine, "probe"))
