import threading
from typing import Any

from aigc_core.guard import Guard
from tests.waiting import SOON, end, start, until


def elsewhere(guard: Guard) -> bool:
    answers: list[bool] = []
    end(start(lambda: answers.append(guard.mine)))
    return answers[0]


def test_it_knows_whose_it_is() -> None:
    guard = Guard()
    assert not guard.mine
    with guard:
        assert guard.mine
        assert not elsewhere(guard)
        assert not guard.acquire(blocking=False)
        assert guard.mine
    assert not elsewhere(guard)


def test_one_thread_at_a_time() -> None:
    guard, inside, most = Guard(), [0], [0]

    def work() -> None:
        for _ in range(300):
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    end(*[start(work) for _ in range(6)])
    assert (most, inside, guard.mine) == ([1], [0], False)


def test_who_does_not_get_it_does_not_have_it() -> None:
    guard, answers = Guard(), list[Any]()

    def try_it() -> None:
        answers.append(guard.acquire(timeout=0.01))
        answers.append(guard.mine)

    with guard:
        end(start(try_it))
    assert answers == [False, False]


def test_a_condition_over_it_waits_and_wakes() -> None:
    guard: Any = Guard()
    changed, seen = threading.Condition(guard), list[str]()

    def wait() -> None:
        with changed:
            assert changed.wait_for(lambda: "sent" in seen, SOON)
            assert guard.mine
            seen.append("received")

    waiter = start(wait)
    until(lambda: changed._waiters)  # type: ignore[attr-defined]
    assert not guard.mine
    with changed:
        seen.append("sent")
        changed.notify_all()
    end(waiter)
    assert seen == ["sent", "received"]
    assert not guard._inside
