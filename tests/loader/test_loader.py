import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from aigc_core import errors, failures
from aigc_core.errors import AigcError, Cancelled, DoesNotFit, ModelUnavailable, UnknownModel
from aigc_core.events import Progress
from aigc_core.gate import Gate
from aigc_core.lease import Lease
from aigc_core.text import Text
from tests.loader.house import GB, House, Machine, Model, Threads, on_another_thread, ready
from tests.waiting import SOON, until


class TestLending:
    def test_a_lease_hands_out_the_model_while_it_lasts(self, house: House) -> None:
        fake = house.add("gan")
        with house.loader.lease("gan") as model:
            assert isinstance(model, Model)
            assert house.state("gan").refs == 1
            placement = fake.placements[0]
            assert (placement.device, placement.dtype, placement.batching) == (
                "cpu",
                "float32",
                True,
            )
        assert (house.state("gan").refs, house.state("gan").uses) == (0, 1)
        assert not model.closed

    def test_an_unknown_model_is_refused_at_once(self, house: House) -> None:
        with pytest.raises(UnknownModel):
            house.loader.ask("nobody")

    def test_sixteen_who_ask_at_once_share_one_load(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        together = threading.Barrier(16)

        def visit(_: int) -> Any:
            together.wait(SOON)
            with house.loader.lease("gan") as model:
                return model

        visitors = Threads(16, visit)
        until(lambda: house.loader.state() and house.state("gan").waiting == 16)
        fake.go.set()
        assert len({id(model) for model in visitors.join()}) == 1
        assert fake.loads == 1
        assert house.state("gan").refs == 0

    def test_waiting_tells_what_it_waits_for(self, house: House) -> None:
        fake = house.add("lm", waits=True, shared=False)
        first, second = house.loader.ask("lm"), house.loader.ask("lm")
        notes = first.waiting(poll=0.001)
        loading = Text("Loading lm", "正在加载 lm")
        assert next(notes) == next(notes) == Progress(0, 0, loading)
        fake.go.set()
        for progress in notes:
            assert progress.note == loading
        queued = next(second.waiting(poll=0.001))
        assert queued.note == Text("Waiting: 1 ahead", "排队中：前面还有 1 个")
        first.close()
        assert list(second.waiting()) == []

    def test_a_model_needs_a_lease_that_is_ready_and_open(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        lease = house.loader.ask("gan")
        with pytest.raises(RuntimeError):
            _ = lease.model
        fake.go.set()
        ready(lease)
        lease.close()
        lease.close()
        with pytest.raises(RuntimeError):
            _ = lease.model
        with pytest.raises(Cancelled):
            next(lease.waiting())
        assert house.state("gan").refs == 0

    def test_a_lease_belongs_to_no_thread(self, house: House) -> None:
        fake = house.add("gan", waits=True, shared=False)
        lease: Lease = on_another_thread(lambda: house.loader.ask("gan"))
        waiting: Iterator[Progress] = lease.waiting(poll=0.001)
        on_another_thread(lambda: next(waiting))
        fake.go.set()
        on_another_thread(lambda: list(waiting))
        assert on_another_thread(lambda: lease.model).id == "gan"
        on_another_thread(lease.close)
        assert house.state("gan").refs == 0
        house.use("gan")

    def test_a_load_keeps_steps_out(self) -> None:
        gate = Gate()
        house = House(gate=gate)
        fake = house.add("gan", waits=True)
        stepped = threading.Event()
        lease = house.loader.ask("gan")
        assert fake.started.wait(SOON)
        assert fake.placements[0].gate is gate

        def step(_: int) -> None:
            with gate.step():
                stepped.set()

        steps = Threads(1, step)
        assert not stepped.wait(0.02)
        fake.go.set()
        steps.join()
        ready(lease)


class TestTurns:
    def test_shared_models_are_handed_out_at_once(self, house: House) -> None:
        house.add("gan")
        leases = [house.loader.ask("gan") for _ in range(3)]
        assert len({id(ready(lease)) for lease in leases}) == 1
        assert house.state("gan").refs == 3

    def test_exclusive_models_are_handed_out_in_the_order_asked(self, house: House) -> None:
        fake = house.add("pipeline", waits=True, shared=False)
        leases = [house.loader.ask("pipeline") for _ in range(4)]
        fake.go.set()
        for place, lease in enumerate(leases):
            ready(lease)
            state = house.state("pipeline")
            assert (state.refs, state.waiting) == (1, 3 - place)
            lease.close()

    def test_who_withdraws_leaves_the_queue(self, house: House) -> None:
        house.add("pipeline", shared=False)
        first, second, third = (house.loader.ask("pipeline") for _ in range(3))
        ready(first)
        second.close()
        assert house.state("pipeline").waiting == 1
        first.close()
        ready(third)
        third.close()
        assert (house.state("pipeline").refs, house.state("pipeline").uses) == (0, 2)

    def test_a_load_that_all_gave_up_still_serves_the_next(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        with house.loader.ask("gan"):
            assert fake.started.wait(SOON)
        fake.go.set()
        until(lambda: house.state("gan").status == "ready")
        assert (house.state("gan").refs, house.state("gan").waiting) == (0, 0)
        house.use("gan")
        assert fake.loads == 1

    def test_closing_a_lease_ends_its_waiting_elsewhere(self, house: House) -> None:
        fake = house.add("gan", waits=True)
        lease = house.loader.ask("gan")
        waiter = Threads(1, lambda _: list(lease.waiting(poll=SOON)))
        lease.close()
        (answer,) = waiter.join()
        assert isinstance(answer, Cancelled)
        fake.go.set()


class TestFailures:
    @pytest.mark.parametrize(
        "error",
        [
            AigcError(Text("No licence.", "没有许可。")),
            ModelUnavailable("gan", Text("No licence.", "没有许可。")),
            ValueError("a bug"),
        ],
    )
    def test_all_waiters_get_the_same_error_and_the_next_tries_again(
        self, house: House, error: Exception
    ) -> None:
        fake = house.add("gan", waits=True, failures=[error])
        visitors = Threads(8, lambda _: house.use("gan"))
        until(lambda: house.loader.state() and house.state("gan").waiting == 8)
        fake.go.set()
        assert all(answer is error for answer in visitors.join())
        state = house.state("gan")
        assert (state.status, state.device, state.refs, state.waiting) == ("failed", None, 0, 0)
        assert state.reason is not None
        bug = errors.BUG.fill(kind="ValueError").zh
        assert state.reason.zh == ("没有许可。" if isinstance(error, AigcError) else bug)
        house.use("gan")
        assert (house.state("gan").status, house.state("gan").reason) == ("ready", None)
        assert fake.loads == 2

    def test_a_failure_nobody_waited_for_is_logged(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake = house.add("gan", waits=True, failures=[ValueError("a bug")])
        with house.loader.ask("gan"):
            assert fake.started.wait(SOON)
        fake.go.set()
        until(lambda: "a bug" in caplog.text)

    def test_where_memory_runs_out_idle_models_go_and_the_load_is_tried_again(self) -> None:
        house = House(Machine(cuda0=10 * GB))
        house.add("idle")
        house.use("idle")
        fake = house.add("big", failures=[MemoryError()])
        house.use("big")
        assert house.loaded == ["big"]
        assert [placement.device for placement in fake.placements] == ["cuda:0", "cuda:0"]

    def test_what_was_half_loaded_is_gone_before_the_next_try(self, house: House) -> None:
        class Half:
            pass

        halves: list[weakref.ref[Half]] = []
        left: list[object] = []

        def half_load() -> None:
            left.extend(half() for half in halves)
            half = Half()
            halves.append(weakref.ref(half))
            if len(halves) == 1:
                raise MemoryError

        house.add("big", before=half_load)
        house.use("big")
        assert left == [None]

    def test_out_of_memory_twice_does_not_fit(self, house: House) -> None:
        fake = house.add("big", failures=[MemoryError(), MemoryError()])
        with pytest.raises(DoesNotFit) as caught:
            house.use("big")
        assert "64 GB" in caught.value.text.zh
        assert fake.loads == 2
        house.use("big")

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (MemoryError(), True),
            (type("OutOfMemoryError", (RuntimeError,), {})(), True),
            (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), True),
            (RuntimeError("MPS backend out of memory"), True),
            (RuntimeError("Invalid buffer size: 20.00 GB"), True),
            (RuntimeError("shapes do not match"), False),
            (ValueError("out of memory is no reason here"), False),
        ],
    )
    def test_what_counts_as_out_of_memory(self, error: BaseException, expected: bool) -> None:
        assert failures.is_out_of_memory(error) is expected
