"""The latent map and the variations over HTTP: answers, and what is said to bad values."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from aigc_core import default_engine
from aigc_core.artifact import read_record
from aigc_core.data import mnist
from aigc_core.digits import EMPTY, pack, read_digit
from aigc_core.errors import InvalidRequest
from aigc_core.media import pixels
from aigc_core.tasks import (
    DecodeLatent,
    EncodeImage,
    FindNeighbours,
    MapLatent,
    Request,
    VaryImage,
    WalkLatent,
)
from apps.image.drawing_pad import DRAWINGS
from tests.apps.forged import bomb, claiming, gif, picture
from tests.apps.visiting import Client

REQUESTS: dict[str, type[Request]] = {
    "image_encode": EncodeImage,
    "image_vary": VaryImage,
    "image_neighbours": FindNeighbours,
    "image_decode_latent": DecodeLatent,
    "image_map_latent": MapLatent,
    "image_walk_latent": WalkLatent,
}
STRANGE = (10**9, -5, float("nan"), "abc", [1], "<img src=x onerror=alert(1)>", "a\u202eb\0", True)
CASES = [
    (endpoint, field, value)
    for endpoint, request in REQUESTS.items()
    for field in request.model_fields
    for value in STRANGE
]
NO_DIGITS: dict[str, Any] = {
    "nothing": None,
    "a number": 10**9,
    "a list": [1],
    "a mapping": {"path": "/etc/passwd"},
    "an empty text": "",
    "a path": "/etc/passwd",
    "1 MB": "x" * 1_000_000,
    "too few bytes": "AAAA",
}


@pytest.fixture(scope="module", autouse=True)
def models() -> None:
    for request in (EncodeImage, MapLatent):
        if not default_engine().models(request):
            pytest.skip("no model here answers this")


def address(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


THREE = DRAWINGS / "three.png"
DRAWN = address(THREE.read_bytes())


def file_of(value: Any) -> dict[str, Any]:
    return value.get("value", value)  # type: ignore[no-any-return]


def pictures(markup: str) -> Iterator[np.ndarray]:
    for code in re.findall(r'src="data:image/png;base64,([^"]*)"', markup):
        with Pillow.open(io.BytesIO(base64.b64decode(code))) as found:
            yield np.asarray(found)


def large(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


WRONG_PICTURES: dict[str, tuple[str, str, str]] = {
    "no Base64": ("data:image/png;base64,!!!!", "damaged or cut off", "损坏"),
    "not even a comma": ("data:", "This file is empty.", "此文件为空"),
    "no picture": (address(b"no picture"), "not a picture that we read", "无法读取该图片"),
    "SVG": (address(b"<svg><script>alert(1)</script></svg>"), "not a picture", "无法读取该图片"),
    "EPS": (address(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "not a picture", "无法读取该图片"),
    "cut off": (address(THREE.read_bytes()[:900]), "damaged or cut off", "损坏"),
    "17 megapixels": (address(large(4200, 4100)), "too large", "过大"),
    "400 megapixels that are not there": (address(claiming(20_000, 20_000)), "too large", "过大"),
    "blank": (address(picture("PNG", (280, 280))), *EMPTY),
    "one pixel": (address(picture("JPEG", (1, 1))), *EMPTY),
    "400 frames of nothing": (address(gif(400)), *EMPTY),
}


@pytest.mark.usefixtures("quiet")
class TestBadValues:
    @pytest.mark.parametrize("endpoint", REQUESTS)
    def test_each_is_answered_in_a_sentence(
        self, visitor: Callable[..., Client], endpoint: str
    ) -> None:
        client = visitor()
        asked = {
            (field, str(value)): (client.post(endpoint, **{field: value}), field, value)
            for name, field, value in CASES
            if name == endpoint
        }
        for id, field, value in asked.values():
            *_, (kind, data) = client.events(endpoint, id)
            text = expected(endpoint, field, value)
            if text is None:
                assert kind == "complete", (field, value, data)
            else:
                said = escape(text.en, quote=False)
                assert (kind, data["error"]) == ("error", said), (field, value)

    @pytest.mark.parametrize("endpoint", REQUESTS)
    def test_in_chinese_and_for_models(self, visitor: Callable[..., Client], endpoint: str) -> None:
        field = list(REQUESTS[endpoint].model_fields)[-1]
        text = expected(endpoint, field, "abc")
        assert text is not None
        assert visitor("zh-CN").refusal(endpoint, **{field: "abc"}) == text.zh
        said = visitor().refusal(endpoint, model="nobody")
        assert said == "There is no model called “nobody”."
        assert "cannot do this" in visitor().refusal(endpoint, model="dcgan-mnist")

    @pytest.mark.parametrize("case", NO_DIGITS)
    def test_what_is_no_digit_is_refused(self, visitor: Callable[..., Client], case: str) -> None:
        value = NO_DIGITS[case]
        for endpoint in ("image_encode", "image_vary", "image_neighbours"):
            text = expected(endpoint, "picture", value)
            assert text is not None
            assert visitor().refusal(endpoint, picture=value) == text.en

    @pytest.mark.parametrize("case", WRONG_PICTURES)
    def test_a_wrong_picture_is_refused(self, visitor: Callable[..., Client], case: str) -> None:
        code, en, zh = WRONG_PICTURES[case]
        assert en in visitor().refusal("image_encode", picture=code)
        assert zh in visitor("zh").refusal("image_vary", picture=code)

    def test_a_bomb_of_text_does_no_harm(self, visitor: Callable[..., Client]) -> None:
        kind, data = visitor().ask("image_encode", picture=address(bomb()))
        assert kind == "error"
        assert len(data["error"]) < 200

    def test_the_next_visitor_is_served(self, visitor: Callable[..., Client]) -> None:
        assert visitor().ask("image_encode", picture=DRAWN)[0] == "complete"


def expected(endpoint: str, field: str, value: Any) -> Any:
    """What must be said, in both languages; None where it is a good value."""
    try:
        REQUESTS[endpoint].ask(**{field: value})
    except InvalidRequest as error:
        return error.text
    return None


@pytest.mark.usefixtures("quiet")
class TestAnswers:
    def test_image_encode_shows_the_picture_and_what_comes_back(
        self, visitor: Callable[..., Client]
    ) -> None:
        kind, (markup, place, _) = visitor().ask(
            "image_encode", picture=DRAWN, seed=4, model="vae-mnist"
        )
        assert kind == "complete"
        asked = EncodeImage.ask(picture=pack(read_digit(THREE)), seed=4)
        expected = default_engine().result(asked, model="vae-mnist").artifacts
        for shown, artifact in zip(pictures(markup), expected, strict=True):
            assert np.array_equal(shown, pixels(artifact.media))
        details = expected[1].record.details
        for cost in (details["distortion"], details["rate"], -details["log_likelihood"]):
            assert f"<b>{cost:.1f}</b>" in markup
        if place:
            assert re.search(r'<i style="left:[\d.]+%;top:[\d.]+%">', place)

    def test_pictures_of_any_kind_are_read(self, visitor: Callable[..., Client]) -> None:
        page = Pillow.new("RGBA", (900, 700), (0, 0, 0, 0))
        ImageDraw.Draw(page).line([(300, 100), (500, 100), (400, 600)], fill="navy", width=50)
        for kind in ("PNG", "WEBP", "JPEG", "GIF"):
            buffer = io.BytesIO()
            if kind == "JPEG":
                page = Pillow.alpha_composite(Pillow.new("RGBA", page.size, "wheat"), page)
            page.convert("RGB" if kind == "JPEG" else "RGBA").save(buffer, kind)
            answer = visitor().ask("image_encode", picture=address(buffer.getvalue()))
            assert answer[0] == "complete", kind

    def test_a_digit_may_come_as_its_bytes(self, visitor: Callable[..., Client]) -> None:
        answers = [
            visitor().ask("image_vary", picture=code, rows=1, columns=2)
            for code in (DRAWN, pack(read_digit(THREE)))
        ]
        (_, (one, *_)), (_, (other, *_)) = answers
        assert one == other

    def test_image_vary_gives_rows_and_a_file_that_tells_how_they_were_made(
        self, visitor: Callable[..., Client], tmp_path: Path
    ) -> None:
        client = visitor()
        values = {"distance": 0.5, "rows": 2, "columns": 3, "seed": 9, "label": "7"}
        kind, (markup, file, status) = client.ask(
            "image_vary", picture=DRAWN, **values, model="vae-mnist"
        )
        assert kind == "complete"
        assert [shown.shape for shown in pictures(markup)] == [(28, 84), (28, 84)]
        assert "<span>0.25</span>" in markup
        assert "<span>0.50</span>" in markup
        assert " ms" in status
        saved = tmp_path / "variations.png"
        saved.write_bytes(client.fetch(file_of(file)))
        request = VaryImage(**read_record(saved).request)
        assert request == VaryImage(picture=pack(read_digit(THREE)), **values)
        with Pillow.open(saved) as sheet:
            assert sheet.size == (84, 56)

    def test_image_neighbours_gives_training_digits(self, visitor: Callable[..., Client]) -> None:
        if not mnist.is_here("train"):
            pytest.skip("MNIST is not on this machine")
        kind, (markup,) = visitor().ask("image_neighbours", picture=DRAWN, count=5)
        assert kind == "complete"
        assert len(list(pictures(markup))) == 5
        assert len(re.findall(r"a \d, [\d.]+ away", markup)) == 5

    def test_image_decode_latent_gives_the_picture_at_a_point(
        self, visitor: Callable[..., Client]
    ) -> None:
        kind, (markup,) = visitor().ask("image_decode_latent", x=0.5, y=-1.25)
        assert kind == "complete"
        asked = DecodeLatent.ask(x=0.5, y=-1.25)
        (expected,) = default_engine().result(asked).artifacts
        (shown,) = pictures(markup)
        assert np.abs(shown.astype(int) - pixels(expected.media)).max() <= 1
        assert "x = 0.50, y = −1.25" in markup

    def test_image_map_latent_gives_the_map_and_a_file(
        self, visitor: Callable[..., Client], tmp_path: Path
    ) -> None:
        client = visitor()
        kind, (shown, file, status) = client.ask("image_map_latent", columns=5, reach=2.0)
        assert kind == "complete"
        assert shown["reach"] == 2.0
        assert " ms" in status
        saved = tmp_path / "map.png"
        saved.write_bytes(client.fetch(file_of(file)))
        assert MapLatent(**read_record(saved).request) == MapLatent(columns=5, reach=2.0)
        with Pillow.open(saved) as sheet:
            assert sheet.size == (140, 140)

    def test_image_walk_latent_gives_a_strip_and_an_animation(
        self, visitor: Callable[..., Client], tmp_path: Path
    ) -> None:
        client = visitor()
        values = {"x": -1.0, "y": 0.5, "x_to": 2.0, "y_to": -2.0, "steps": 5}
        kind, (markup, file) = client.ask("image_walk_latent", **values)
        assert kind == "complete"
        (strip,) = pictures(markup)
        assert strip.shape == (28, 140)
        saved = tmp_path / "walk.gif"
        saved.write_bytes(client.fetch(file_of(file)))
        assert WalkLatent(**read_record(saved).request) == WalkLatent(**values)
        with Pillow.open(saved) as moving:
            assert moving.n_frames == 5  # type: ignore[attr-defined]


class TestFiles:
    """A file put on the sheet, as the page does it."""

    @pytest.fixture
    def placed(self, visitor: Callable[..., Client]) -> Callable[..., dict[str, Any]]:
        def put(content: bytes, name: str = "digit.png", spoken: str = "en") -> dict[str, Any]:
            client = visitor(spoken)
            return client.outcome("placed", [client.upload(name, content)])

        return put

    def test_it_comes_as_a_digit_on_white(self, placed: Callable[..., dict[str, Any]]) -> None:
        output = placed(THREE.read_bytes())
        (shown,) = pictures(f'src="{output["data"][0]}"')
        assert np.array_equal(shown, 255 - read_digit(THREE))

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "This file is empty."),
            (b"text", "This is not a picture that we read: PNG, JPEG, WEBP, GIF."),
            (claiming(20_000, 20_000), "too large"),
            (THREE.read_bytes()[:900], "damaged or cut off"),
            (picture("PNG"), EMPTY.en),
        ],
    )
    def test_a_wrong_one_is_refused(
        self, placed: Callable[..., dict[str, Any]], quiet: None, content: bytes, says: str
    ) -> None:
        assert says in placed(content)["error"]

    @pytest.mark.parametrize("value", [None, "x", {"path": "/etc/passwd"}, [1], 7])
    def test_what_is_no_file_of_the_visitor_is_not_opened(
        self, visitor: Callable[..., Client], value: Any
    ) -> None:
        output = visitor().outcome("placed", [value])
        assert "error" in output
        assert "root:" not in str(output)
