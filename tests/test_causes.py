import pytest

from aigc_core import failures
from aigc_core.building import let_go
from aigc_core.causes import causes
from aigc_core.hub.causes import of_exception


def raised(error: Exception, cause: Exception) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_they_come_one_after_the_other() -> None:
    first, second = ValueError("first"), KeyError("second")
    assert list(causes(raised(second, first))) == [second, first]
    assert list(causes(None)) == []


def test_what_happened_on_the_way_counts_where_no_cause_is_named() -> None:
    first, second = ValueError("first"), KeyError("second")
    second.__context__ = first
    assert list(causes(second)) == [second, first]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_errors_that_form_a_circle_are_gone_through_once(length: int) -> None:
    errors = [RuntimeError(str(place)) for place in range(length)]
    for place, error in enumerate(errors):
        raised(errors[(place + 1) % length], error)
    last = raised(errors[0], errors[-1])
    assert {*causes(last)} == {*errors}
    assert not failures.is_out_of_memory(last)
    assert not failures.is_lost(last)
    assert of_exception(last, "org/name") is None
    let_go(last)


def test_a_lost_device_is_known_also_where_a_library_wraps_its_error() -> None:
    lost = RuntimeError("CUDA error: device-side assert triggered")
    assert failures.is_lost(raised(ValueError("pipeline failed"), lost))
    assert not failures.is_lost(ValueError("pipeline failed"))
