"""Memory that runs out in the middle of a run: what is tried, what is told, what is left."""

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from aigc_core.errors import DeviceLost, OutOfMemory
from aigc_core.events import Event, Progress, Result
from aigc_core.ladder import AGAIN, LESS
from tests.collector import light_collector
from tests.engine.greedy import GB, LADDER, STEP, Kitchen, told
from tests.loader.house import Machine, OutOfMemoryError, Threads
from tests.waiting import SOON, until

Make = Callable[..., Kitchen]
FIRST = Progress(0, 5, STEP)


@pytest.fixture(scope="module", autouse=True)
def quickly() -> Iterator[None]:
    """Every test here unloads models."""
    with light_collector():
        yield


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    def make(machine: Machine | None = None, **facts: object) -> Kitchen:
        kitchen = Kitchen(monkeypatch, machine or Machine(cuda0=20 * GB))
        kitchen.add("gan", **{"weight_bytes": 8 * GB, "rungs": LADDER, "shared": False, **facts})
        return kitchen

    return make


def result(events: list[Event]) -> Result:
    assert isinstance(events[-1], Result)
    return events[-1]


class TestSettings:
    def test_without_trouble_nothing_is_told_and_nothing_is_recorded(self, make: Make) -> None:
        kitchen = make()
        events = list(kitchen.run())
        assert told(events) == []
        record = result(events).artifacts[0].record
        assert record.request["count"] == 16
        assert "lessened" not in record.details
        kitchen.empty()

    def test_idle_models_go_and_it_is_tried_again_as_it_was(self, make: Make) -> None:
        kitchen = make()
        kitchen.add("idle", weight_bytes=4 * GB)
        kitchen.house.use("idle")
        kitchen.family.each = GB // 2
        events = list(kitchen.run())
        assert told(events) == [AGAIN]
        assert kitchen.family.attempts == [(16, "cuda:0", "full")] * 2
        assert kitchen.house.machine.closed == ["idle"]
        record = result(events).artifacts[0].record
        assert record.request["count"] == 16
        assert "lessened" not in record.details
        kitchen.empty()

    def test_settings_become_smaller_until_it_fits(self, make: Make) -> None:
        kitchen = make()
        kitchen.family.each = 5 * GB
        events = list(kitchen.run())
        assert [count for count, _, _ in kitchen.family.attempts] == [16, 16, 8, 4, 2]
        counts = [8, 4, 2]
        assert [text.en for text in told(events)] == [
            AGAIN.en,
            *(f"Not enough memory: {count} at a time" for count in counts),
        ]
        assert [text.zh for text in told(events)] == [
            AGAIN.zh,
            *(f"内存不足：每次 {count} 个" for count in counts),
        ]
        # The record is of what was made, and says what was changed.
        record = result(events).artifacts[0].record
        assert record.request["count"] == 2
        assert record.details["lessened"] == [f"{count} at a time" for count in counts]
        assert kitchen.house.loader.status().counts.out_of_memory == 4
        assert kitchen.house.fakes["gan"].loads == 1
        kitchen.empty()

    def test_tensors_of_a_failed_attempt_are_gone_before_the_next(self, make: Make) -> None:
        kitchen = make()
        kitchen.family.each = 5 * GB
        inner = OutOfMemoryError("inner")
        outer = OutOfMemoryError("outer")
        outer.__cause__ = inner
        kitchen.family.errors = [outer, OutOfMemoryError("third")]
        list(kitchen.run())
        assert len(kitchen.family.left) >= 5
        assert set(kitchen.family.left) == {0}
        kitchen.empty()

    def test_the_next_run_is_not_lessened(self, make: Make) -> None:
        kitchen = make()
        kitchen.family.errors = [OutOfMemoryError() for _ in range(2)]
        assert result(list(kitchen.run())).artifacts[0].record.request["count"] == 8
        assert result(list(kitchen.run())).artifacts[0].record.request["count"] == 16
        kitchen.empty()


class TestRungs:
    @pytest.mark.parametrize("rung", [*LADDER[1:], "cpu"])
    def test_the_model_is_held_in_smaller_ways_until_it_fits(self, make: Make, rung: str) -> None:
        kitchen = make(Machine(cuda0=40 * GB))
        kitchen.family.rungs, kitchen.family.least = (rung,), 99
        events = list(kitchen.run())
        ways = [*LADDER, "cpu"]
        down = ways[1 : ways.index(rung) + 1]
        words = {
            "offload": "one part at a time on the device",
            "group": "a few layers at a time on the device",
            "sequential": "one layer at a time on the device",
            "cpu": "on the processor, slower",
        }
        # Every way is tried twice: idle models may have gone in between.
        once = [LESS.fill(how=words[way]).en for way in down]
        said = [text.en for text in told(events)]
        assert [text for text in said if text != AGAIN.en] == once
        assert said.count(AGAIN.en) == len(once)
        record = result(events).artifacts[0].record
        assert record.details["lessened"] == [words[way] for way in down]
        assert record.device == ("cpu" if rung == "cpu" else "cuda:0")
        assert record.request["count"] == 16
        assert set(kitchen.family.left) == {0}
        kitchen.empty()

    def test_when_there_is_no_way_left_it_is_refused_and_the_next_run_goes(
        self, make: Make
    ) -> None:
        kitchen = make(Machine(cuda0=40 * GB))
        kitchen.family.rungs = ()
        run = kitchen.run()
        events: list[Event] = []
        with pytest.raises(OutOfMemory) as caught:
            events += run
        assert "Ask for fewer or smaller results" in caught.value.text.en
        assert "请减少数量或尺寸" in caught.value.text.zh
        assert caught.value.__cause__ is None
        ways = [where for _, *where in kitchen.family.attempts]
        assert [where for where, after in pairwise([*ways, None]) if where != after] == [
            *(["cuda:0", rung] for rung in LADDER),
            ["cpu", "full"],
        ]
        assert set(kitchen.family.left) == {0}
        del run, events
        kitchen.family.rungs = None
        kitchen.house.loader.evict("gan")
        assert result(list(kitchen.run())).artifacts[0].record.device == "cuda:0"
        kitchen.empty()

    def test_what_is_recorded_is_the_way_that_was_found_in_the_end(self, make: Make) -> None:
        machine = Machine(cuda0=40 * GB)
        kitchen = make(machine)
        kitchen.family.least = 99
        kitchen.family.errors = [OutOfMemoryError(), OutOfMemoryError()]
        kitchen.family.during = lambda: machine.pieces.update(cuda0=3 * GB)
        record = result(list(kitchen.run())).artifacts[0].record
        assert kitchen.family.attempts[-1] == (16, "cuda:0", "sequential")
        assert record.details["lessened"] == ["one layer at a time on the device"]
        kitchen.empty()


class TestOthers:
    def test_who_waits_for_an_exclusive_model_gets_the_smaller_one(self, make: Make) -> None:
        kitchen = make(Machine(cuda0=40 * GB))
        kitchen.family.rungs, kitchen.family.least = ("group", "cpu"), 99
        visitors = Threads(4, lambda _: list(kitchen.run()))
        answers = visitors.join()
        assert [result(events).artifacts[0].record.request["count"] for events in answers] == [
            16
        ] * 4
        # One after the other went down the ladder, or found the model there already.
        assert kitchen.house.fakes["gan"].loads == 3
        del answers, visitors
        kitchen.empty()

    def test_other_holders_of_a_shared_model_go_on_with_the_old_copy(self, make: Make) -> None:
        kitchen = make(Machine(cuda0=40 * GB), shared=True)
        kitchen.family.least = 99
        other, run = kitchen.run(count=1), kitchen.run()
        for _ in range(2):
            next(other)
        kitchen.family.errors = [OutOfMemoryError(), OutOfMemoryError()]
        record = result(list(run)).artifacts[0].record
        assert record.details["lessened"] == ["one part at a time on the device"]
        # The smaller copy was for that run alone.
        assert [s.rung for s in kitchen.house.loader.state()] == ["full"]
        assert kitchen.house.machine.closed == ["gan"]
        assert result(list(other)).artifacts[0].record.request["count"] == 1
        assert kitchen.house.machine.closed == ["gan", "gan"]
        assert kitchen.family.attempts[0] == (1, "cuda:0", "full")
        kitchen.empty()

    def test_two_who_step_down_at_once_share_the_smaller_copy(self, make: Make) -> None:
        kitchen = make(Machine(cuda0=40 * GB), shared=True)
        kitchen.family.least, kitchen.family.rungs = 99, ("offload",)
        together = threading.Barrier(4)

        def visit(_: int) -> list[Event]:
            run, events = kitchen.run(), list[Event]()
            # All use the large copy, then all the small one, before anybody ends.
            for before in (0, 2):
                while len(told(events)) < before or events[-1:] != [FIRST]:
                    events.append(next(run))
                together.wait(SOON)
            return events + list(run)

        for events in Threads(4, visit).join():
            assert result(events).artifacts[0].record.details["lessened"] == [
                "one part at a time on the device"
            ]
        del events
        assert kitchen.house.fakes["gan"].loads == 2
        assert kitchen.house.machine.closed == ["gan", "gan"]
        kitchen.empty()

    def test_the_next_visitor_gets_the_best_way_again(self, make: Make) -> None:
        kitchen = make(Machine(cuda0=40 * GB))
        kitchen.family.least = 99
        kitchen.family.errors = [OutOfMemoryError(), OutOfMemoryError()]
        first = result(list(kitchen.run())).artifacts[0].record
        second = result(list(kitchen.run())).artifacts[0].record
        assert first.details["lessened"] == ["one part at a time on the device"]
        assert "lessened" not in second.details
        assert [attempt[2] for attempt in kitchen.family.attempts] == ["full"] * 2 + [
            "offload",
            "full",
        ]
        kitchen.empty()

    def test_other_models_runs_go_on(self, make: Make) -> None:
        kitchen = make(Machine(cuda0=40 * GB))
        kitchen.add("other")
        other = kitchen.run("other")
        for _ in range(2):
            next(other)
        kitchen.family.errors = [OutOfMemoryError() for _ in range(12)]
        list(kitchen.run())
        assert result(list(other)).artifacts[0].record.device == "cuda:0"
        kitchen.empty()

    @pytest.mark.parametrize("stop", range(1, 16, 2))
    def test_closing_it_anywhere_on_the_ladder_leaves_nothing(self, make: Make, stop: int) -> None:
        kitchen = make(Machine(cuda0=40 * GB))
        kitchen.family.least, kitchen.family.rungs = 8, ("sequential",)
        run = kitchen.run()
        for _ in range(stop):
            next(run)
        run.close()
        assert all(state.refs == 0 for state in kitchen.house.loader.state())
        kitchen.family.rungs = None
        result(list(kitchen.run()))
        kitchen.empty()


class TestLost:
    def test_the_visitor_is_told_and_the_next_run_goes_elsewhere(self, make: Make) -> None:
        kitchen = make(Machine(cuda0=20 * GB, cuda1=30 * GB))
        kitchen.family.errors = [RuntimeError("CUDA error: device-side assert triggered")]
        with pytest.raises(DeviceLost) as caught:
            list(kitchen.run())
        assert "cuda:1" in caught.value.text.en
        assert "请重试" in caught.value.text.zh
        until(lambda: not kitchen.house.loaded)
        assert result(list(kitchen.run())).artifacts[0].record.device == "cuda:0"
        kitchen.empty()

    def test_other_errors_are_nobodys_business(self, make: Make) -> None:
        kitchen = make()
        kitchen.family.errors = [ValueError("a bug"), RuntimeError("shapes do not match")]
        for kind in (ValueError, RuntimeError):
            with pytest.raises(kind):
                list(kitchen.run())
        assert len(kitchen.family.attempts) == 2
        assert kitchen.house.loaded == ["gan"]
        kitchen.empty()
