import base64
from typing import Any

import pytest

from aigc_core.errors import InvalidRequest
from aigc_core.tasks import (
    DecodeLatent,
    EncodeImage,
    FindNeighbours,
    MapLatent,
    Request,
    VaryImage,
    WalkLatent,
)
from aigc_core.tasks.base import MAX_SEED

BOUNDS: list[tuple[type[Request], str, float, float]] = [
    (EncodeImage, "seed", 0, 2**31 - 1),
    (VaryImage, "distance", 0.0, 1.0),
    (VaryImage, "rows", 1, 10),
    (VaryImage, "columns", 1, 10),
    (VaryImage, "seed", 0, 2**31 - 1),
    (FindNeighbours, "count", 1, 100),
    (DecodeLatent, "x", -4.0, 4.0),
    (DecodeLatent, "y", -4.0, 4.0),
    (MapLatent, "columns", 2, 40),
    (MapLatent, "reach", 0.5, 4.0),
    *((WalkLatent, name, -4.0, 4.0) for name in ("x", "y", "x_to", "y_to")),
    (WalkLatent, "steps", 2, 60),
]
OF_PICTURES = (EncodeImage, VaryImage, FindNeighbours)
WHOLE = base64.b64encode(bytes(range(196)) * 4).decode()


@pytest.mark.parametrize(("request_type", "name", "low", "high"), BOUNDS)
def test_bounds(request_type: type[Request], name: str, low: float, high: float):
    assert request_type.bounds(name) == (low, high)
    for value in (low, high):
        assert getattr(request_type.ask(**{name: value}), name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(InvalidRequest):
            request_type.ask(**{name: value})


@pytest.mark.parametrize("request_type", OF_PICTURES)
class TestPictures:
    def test_bytes_of_the_right_size_pass_as_they_are(self, request_type: type[Request]):
        assert request_type.ask(picture=WHOLE).model_dump()["picture"] == WHOLE
        assert request_type.shown("picture").picture

    @pytest.mark.parametrize(
        "picture",
        [
            "",
            "AAAA",
            WHOLE + "AAAA",
            WHOLE[:-4],
            WHOLE[:-1] + "!",
            " " + WHOLE,
            WHOLE.replace("A", "ä"),
            "data:image/png;base64,AAAA",
            "A" * 1_000_000,
            base64.b64decode(WHOLE),
            7,
            True,
            None,
            [WHOLE],
        ],
    )
    def test_what_is_no_picture_is_refused(self, request_type: type[Request], picture: Any):
        with pytest.raises(InvalidRequest) as caught:
            request_type.ask(picture=picture)
        en, zh = caught.value.text
        assert en.startswith("Picture must be 28x28 grey pixels in Base64; ")
        assert zh.startswith("“图片”必须是 Base64 编码的 28x28 灰度像素，而不是")
        assert len(en) < 150

    def test_the_label_is_one_digit(self, request_type: type[Request]):
        assert request_type.ask(label=7) == request_type.ask(label="7")
        for label in ("any", "each", "10", "", None):
            with pytest.raises(InvalidRequest):
                request_type.ask(label=label)


def test_each_column_of_variations_has_a_seed_and_the_last_seed_is_followed_by_the_first():
    request = VaryImage.ask(seed=MAX_SEED - 1)
    assert [request.seed_of(column) for column in range(4)] == [MAX_SEED - 1, MAX_SEED, 0, 1]
