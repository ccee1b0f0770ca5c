"""Pictures of digits brought into MNIST's manner, and those of nothing refused."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from aigc_core.data.mnist import Digits, is_here, load_mnist
from aigc_core.digits import EMPTY, pack, read_digit, to_digit, unpack
from aigc_core.errors import InvalidRequest, UnreadableFile

INK, PAPER = 15, 240
Look = Callable[[np.ndarray, np.random.Generator], Pillow.Image]


@pytest.fixture(scope="module")
def digits() -> Digits:
    if not is_here("test"):
        pytest.skip("MNIST is not on this machine")
    return load_mnist("test", download=False)


def on_canvas(
    digit: np.ndarray, rng: np.random.Generator, resampling: int, scale: int = 10
) -> np.ndarray:
    """How much ink (h, w) in 0..1 there is of a digit, scaled up, somewhere on a large canvas."""
    side = 28 * scale
    large = Pillow.fromarray(digit).resize((side, side), resampling)
    ink = np.zeros((side + int(rng.integers(200)), side + int(rng.integers(300))), np.float32)
    top, left = (int(rng.integers(0, length - side + 1)) for length in ink.shape)
    ink[top : top + side, left : left + side] = np.asarray(large, np.float32) / 255
    return ink


def picture(values: np.ndarray) -> Pillow.Image:
    return Pillow.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def as_it_is(digit: np.ndarray, _: np.random.Generator) -> Pillow.Image:
    return picture(digit)


def dark_on_light(digit: np.ndarray, rng: np.random.Generator) -> Pillow.Image:
    ink = on_canvas(digit, rng, Pillow.Resampling.NEAREST)
    return picture(PAPER + (INK - PAPER) * ink)


def light_on_dark(digit: np.ndarray, rng: np.random.Generator) -> Pillow.Image:
    ink = on_canvas(digit, rng, Pillow.Resampling.BICUBIC)
    return picture(INK + (PAPER - INK) * ink)


def in_uneven_light(digit: np.ndarray, rng: np.random.Generator) -> Pillow.Image:
    """Blue ink on cream paper that lies in a soft shadow, with a sensor's noise."""
    ink = on_canvas(digit, rng, Pillow.Resampling.BICUBIC)[..., None]
    height, width = ink.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = 1 - 0.18 * (x + 1) - 0.1 * y**2
    page = ((1 - ink) * (235, 228, 210) + ink * (40, 60, 140)) * light[..., None]
    return picture(page + rng.normal(0, 6, page.shape))


class TestRealDigits:
    """Test digits, put elsewhere and found again."""

    @pytest.mark.parametrize(
        ("look", "distance"),
        [(as_it_is, 1.2), (dark_on_light, 1.8), (light_on_dark, 3.0), (in_uneven_light, 3.5)],
    )
    def test_they_come_back_near_to_what_they_were(
        self, digits: Digits, look: Look, distance: float
    ):
        # As a measure: such a digit is 9.4 long, and moved by one pixel it is 5 away from itself.
        rng = np.random.default_rng(0)
        rows = rng.choice(len(digits), 60, replace=False)
        found = np.stack([to_digit(look(digits.images[row], rng)) for row in rows])
        apart = (found.astype(np.float32) - digits.images[rows]) / 255
        assert np.sqrt((apart**2).sum(axis=(1, 2))).mean() < distance
        assert found.dtype == np.uint8

    def test_the_judge_reads_them_as_before(self, digits: Digits):
        from aigc_core.metrics.judge import judge

        rng = np.random.default_rng(1)
        rows = rng.choice(len(digits), 500, replace=False)
        looks = (dark_on_light, light_on_dark, in_uneven_light)
        found = [
            to_digit(looks[i % 3](digits.images[row], rng)) / 255.0 for i, row in enumerate(rows)
        ]
        read = judge(np.stack(found)).logits.argmax(axis=1)
        assert (read == digits.labels[rows]).mean() >= 0.97


def drawn(mode: str = "L", ink: object = 0, paper: object = 255, pen: int = 24) -> Pillow.Image:
    """A seven, far from the middle."""
    page = Pillow.new(mode, (420, 300), paper)  # type: ignore[arg-type]
    line = [(40, 60), (160, 60), (90, 250)]
    ImageDraw.Draw(page).line(line, fill=ink, width=pen, joint="curve")  # type: ignore[arg-type]
    return page


def alike(one: np.ndarray, other: np.ndarray, distance: float = 2.0) -> bool:
    """Whether two digits are so near, one of them moved by a pixel or not."""
    moved = [np.roll(one, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    apart = (np.stack(moved).astype(np.float32) - other) / 255
    return bool(np.sqrt((apart**2).sum(axis=(1, 2))).min() < distance)


SEVEN = drawn()


class TestManner:
    def test_white_on_black_in_a_box_of_20_with_its_mass_in_the_middle(self):
        digit = to_digit(SEVEN)
        assert digit.shape == (28, 28)
        assert digit.max() == 255
        rows, columns = (np.flatnonzero(digit.max(axis=axis) > 60) for axis in (1, 0))
        assert rows[-1] - rows[0] + 1 == 20
        assert columns[-1] - columns[0] + 1 < 20
        mass = digit / digit.sum()
        middle = [float(mass.sum(axis=axis) @ np.arange(28)) for axis in (1, 0)]
        assert middle == pytest.approx([14, 14], abs=0.6)

    def test_a_wide_drawing_keeps_its_shape(self):
        page = Pillow.new("L", (300, 200), 255)
        ImageDraw.Draw(page).line([(20, 100), (280, 110)], fill=0, width=26)
        digit = to_digit(page)
        assert np.flatnonzero(digit.max(axis=0) > 60).size == 20
        assert 2 <= np.flatnonzero(digit.max(axis=1) > 60).size <= 4

    @pytest.mark.parametrize(
        "same",
        [
            drawn("L", 255, 0),
            drawn("RGB", (20, 20, 90), (250, 240, 220)),
            drawn("RGB", (250, 220, 40), (30, 60, 40)),
            # As dark as each other.
            drawn("RGB", (218, 0, 0), (0, 111, 0)),
            drawn("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)),
            drawn("RGBA", (255, 255, 255, 255), (0, 0, 0, 0)),
            drawn("RGBA", (200, 30, 30, 255), (255, 255, 255, 0)),
            drawn("LA", (0, 255), (0, 0)),
            drawn("CMYK", (0, 0, 0, 255), (0, 0, 0, 0)),
            drawn("1", 0, 1),
            SEVEN.convert("P"),
            SEVEN.convert("I"),
            Pillow.fromarray(np.asarray(SEVEN, np.uint16) * 257),
            Pillow.fromarray(np.asarray(SEVEN, np.uint16) * 16),
            Pillow.fromarray(np.asarray(SEVEN, np.float32) / 255),
        ],
        ids=lambda page: page.mode,
    )
    def test_all_colours_and_modes_read_alike(self, same: Pillow.Image):
        assert alike(to_digit(same), to_digit(SEVEN))

    def test_transparent_corners_are_no_ink(self):
        page = drawn("RGB", (10, 10, 10), (240, 230, 200)).convert("RGBA")
        alpha = Pillow.new("L", page.size, 0)
        ImageDraw.Draw(alpha).rounded_rectangle((0, 0, 419, 299), 60, fill=255)
        page.putalpha(alpha)
        assert alike(to_digit(page), to_digit(SEVEN))

    def test_half_transparent_ink_is_full_ink(self):
        assert alike(
            to_digit(drawn("RGBA", (0, 0, 0, 120), (0, 0, 0, 0))), to_digit(SEVEN), distance=2.5
        )

    @pytest.mark.parametrize("size", [(4000, 3000), (840, 600), (210, 150), (60, 43)])
    def test_its_size_matters_little(self, size: tuple[int, int]):
        scaled = SEVEN.resize(size, Pillow.Resampling.BOX)
        assert alike(to_digit(scaled), to_digit(SEVEN), distance=3.5)

    def test_a_photograph_is_turned_as_its_camera_says(self, tmp_path: Path):
        exif = Pillow.Exif()
        exif[0x0112] = 6  # The top is on the right.
        file = tmp_path / "photo.jpg"
        SEVEN.transpose(Pillow.Transpose.ROTATE_90).save(file, exif=exif, quality=90)
        assert alike(read_digit(file), to_digit(SEVEN), distance=2.5)

    def test_a_thin_pen_in_a_large_photograph_gets_strokes_like_mnists(self):
        page = Pillow.new("L", (3600, 2400), 225)
        line = [(1000, 600), (1500, 600), (1200, 1500)]
        ImageDraw.Draw(page).line(line, fill=40, width=12)
        digit = to_digit(page)
        # Along the stem of the seven, which is nearly upright.
        across = (digit[14:22] / 255).sum(axis=1)
        assert across.min() > 1.2
        assert across.max() < 4

    def test_thick_strokes_stay_as_they_are(self):
        assert (to_digit(drawn(pen=60)) > 128).sum() > 1.5 * (to_digit(SEVEN) > 128).sum()

    def test_specks_do_not_count(self):
        page = SEVEN.copy()
        ImageDraw.Draw(page).ellipse((400, 280, 406, 286), fill=0)
        assert alike(to_digit(page), to_digit(SEVEN))

    def test_a_part_that_stands_alone_does(self):
        """The bar of a five that does not touch its belly."""
        page = Pillow.new("L", (200, 280), 255)
        pen = ImageDraw.Draw(page)
        pen.arc((40, 110, 160, 240), -150, 120, fill=0, width=22)
        without = to_digit(page)
        pen.line([(70, 40), (160, 40)], fill=0, width=22)
        assert not alike(to_digit(page), without, distance=5)

    def test_a_stroke_may_leave_the_picture(self):
        page = Pillow.new("L", (200, 200), 255)
        ImageDraw.Draw(page).line([(100, -20), (90, 220)], fill=0, width=24)
        digit = to_digit(page)
        assert (digit.max(axis=1) > 128).sum() == 20
        assert (digit.max(axis=0) > 128).sum() < 6

    def test_what_it_gives_is_left_as_it_is(self):
        once = to_digit(SEVEN)
        assert alike(to_digit(Pillow.fromarray(once)), once, distance=1.5)


NOTHING = {
    "one pixel": Pillow.new("L", (1, 1), 0),
    "two pixels": Pillow.new("L", (2, 1), 255),
    "a long line of nothing": Pillow.new("L", (1, 5000), 7),
    "white": Pillow.new("RGB", (280, 280), "white"),
    "a colour": Pillow.new("RGB", (30, 50), (9, 90, 200)),
    "transparent": Pillow.new("RGBA", (60, 60), (0, 0, 0, 0)),
    "a soft shade": Pillow.linear_gradient("L"),
    "noise": Pillow.effect_noise((200, 200), 80),
    "grain": Pillow.effect_noise((400, 300), 6),
}


@pytest.mark.parametrize("page", NOTHING.values(), ids=NOTHING)
def test_where_nothing_is_drawn_it_says_so(page: Pillow.Image, tmp_path: Path):
    file = tmp_path / "page.png"
    page.save(file)
    with pytest.raises(InvalidRequest) as caught:
        read_digit(file)
    assert caught.value.text == EMPTY


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"no picture", "not a picture that we read"), (b"\x89PNG\r\n", "not a")],
)
def test_a_file_that_is_no_picture_is_refused(content: bytes, says: str, tmp_path: Path):
    file = tmp_path / "digit.png"
    file.write_bytes(content)
    with pytest.raises(UnreadableFile, match=says):
        read_digit(file)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 3), (2, 300), (28, 28)])
def test_tiny_pictures_are_read_or_refused(size: tuple[int, int]):
    rng = np.random.default_rng(3)
    for _ in range(20):
        values = rng.integers(0, 256, (size[1], size[0])).astype(np.uint8)
        with suppress(InvalidRequest):
            assert to_digit(Pillow.fromarray(values)).shape == (28, 28)


def test_a_digit_is_carried_as_its_bytes_in_base64():
    digit = to_digit(SEVEN)
    assert np.array_equal(unpack(pack(digit)), digit)
    assert len(pack(digit)) == 1048
    assert np.array_equal(unpack(pack(digit[:, ::-1])), digit[:, ::-1])
