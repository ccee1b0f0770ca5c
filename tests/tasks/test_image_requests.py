from typing import Any

import pytest

from aigc_core.errors import InvalidRequest
from aigc_core.tasks import InterpolateImages, Request, SampleImages, TraceImage
from aigc_core.tasks.base import MAX_SEED

BOUNDS: list[tuple[type[Request], str, float, float]] = [
    (SampleImages, "count", 1, 100),
    (SampleImages, "seed", 0, 2**31 - 1),
    (SampleImages, "truncation", 0.0, 2.0),
    (InterpolateImages, "seed", 0, 2**31 - 1),
    (InterpolateImages, "seed_to", 0, 2**31 - 1),
    (InterpolateImages, "steps", 2, 60),
    (TraceImage, "seed", 0, 2**31 - 1),
    (TraceImage, "truncation", 0.0, 2.0),
]
DIGITS = [str(digit) for digit in range(10)]


@pytest.mark.parametrize(("request_type", "name", "low", "high"), BOUNDS)
def test_bounds(request_type: type[Request], name: str, low: float, high: float):
    assert request_type.bounds(name) == (low, high)


def test_defaults():
    assert SampleImages.ask().model_dump() == {
        "label": "each",
        "count": 100,
        "seed": 0,
        "truncation": 1.0,
    }
    assert InterpolateImages.ask().model_dump() == {
        "seed": 0,
        "seed_to": 1,
        "label": "3",
        "path": "slerp",
        "steps": 12,
    }
    assert TraceImage.ask().model_dump() == {"seed": 0, "label": "3", "truncation": 1.0}


def test_labels():
    labels = [choice.value for choice in SampleImages.shown("label").choices]
    assert labels == ["each", "any", *DIGITS]
    for request in (InterpolateImages, TraceImage):
        assert [choice.value for choice in request.shown("label").choices] == DIGITS
        for label in ("each", "any"):
            with pytest.raises(InvalidRequest):
                request.ask(label=label)


@pytest.mark.parametrize(
    ("values", "columns"),
    [
        ({"label": "each", "count": 100}, 10),
        ({"label": "each", "count": 7}, 7),
        ({"label": "any", "count": 100}, 10),
        ({"label": "3", "count": 1}, 1),
        ({"label": "3", "count": 2}, 2),
        ({"label": "3", "count": 5}, 3),
        ({"label": "any", "count": 16}, 4),
        ({"label": "any", "count": 17}, 5),
    ],
)
def test_columns_of_the_sheet(values: dict[str, Any], columns: int):
    assert SampleImages.ask(**values).columns == columns


def test_the_largest_seed():
    assert SampleImages.ask(seed=MAX_SEED).seed == 2**31 - 1
    assert InterpolateImages.ask(seed_to=MAX_SEED).seed_to == 2**31 - 1
