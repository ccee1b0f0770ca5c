import threading
import time

import pytest

from aigc_core.catalog import Entry
from aigc_core.fit import FITS, TOO_BIG, Fit
from scale.fits import FIRST, FRESH, Fits
from tests.scale.test_endpoint import entry
from tests.waiting import SOON, until

GOOD, BAD = Fit("fits", FITS), Fit("no", TOO_BIG)


class Replica:
    """One that answers when it is let."""

    def __init__(self) -> None:
        self.free, self.asked, self.now = threading.Event(), 0, 0.0
        self.answer: Fit | None = GOOD

    def ask(self, _: Entry) -> Fit | None:
        self.asked += 1
        assert self.free.wait(SOON)
        return self.answer


@pytest.fixture
def replica() -> Replica:
    return Replica()


@pytest.fixture
def fits(replica: Replica) -> Fits:
    return Fits(replica.ask, lambda: replica.now)


MODEL = entry("painter", "painter_family", origin="data", revision="1")
OTHER = entry("other", "painter_family", origin="data", revision="1")


def test_a_busy_replica_is_waited_for_once_and_shortly(fits: Fits, replica: Replica) -> None:
    start = time.monotonic()
    for _ in range(50):
        assert fits.of(MODEL) is None
    # Only the first question waits; nobody asks again while it is under way.
    assert time.monotonic() - start < FIRST + 5
    assert replica.asked == 1
    replica.free.set()
    until(lambda: fits.of(MODEL) is GOOD)
    assert replica.asked == 1


def test_what_was_said_is_good_for_a_while_and_then_asked_anew(
    fits: Fits, replica: Replica
) -> None:
    replica.free.set()
    until(lambda: fits.of(MODEL) is GOOD)
    replica.now += FRESH - 1
    assert fits.of(MODEL) is GOOD
    assert replica.asked == 1
    replica.now, replica.answer = replica.now + 2, BAD
    assert fits.of(MODEL) is GOOD
    until(lambda: fits.of(MODEL) is BAD)
    assert replica.asked == 2


def test_where_none_answers_it_is_asked_again_and_the_last_answer_stands(
    fits: Fits, replica: Replica
) -> None:
    replica.free.set()
    replica.answer = None
    assert fits.of(MODEL) is None
    until(lambda: fits.of(MODEL) is None and replica.asked > 1)
    replica.answer = GOOD
    until(lambda: fits.of(MODEL) is GOOD)
    replica.now, replica.answer = 2 * FRESH, None
    asked = replica.asked
    until(lambda: fits.of(MODEL) is GOOD and replica.asked > asked)


def test_each_model_has_its_own(fits: Fits, replica: Replica) -> None:
    replica.free.set()
    until(lambda: fits.of(MODEL) is GOOD)
    replica.answer = BAD
    until(lambda: fits.of(OTHER) is BAD)
    assert fits.of(MODEL) is GOOD
