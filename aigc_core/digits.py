"""Any picture of a digit, brought into MNIST's manner: 28x28, white ink on black.

MNIST (LeCun, Cortes & Burges 1998, http://yann.lecun.com/exdb/mnist/) scaled the ink to fit into
a box of 20x20 pixels without changing its shape, which gave it grey edges, and put its centre of
mass into the middle of 28x28. A model trained on that knows nothing else, so a drawing or a
photograph is treated in the same way. First its paper is found, as a smooth surface of colour;
ink is what stands out from it in one direction of colour, darker or lighter.
"""

import base64
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFilter, ImageOps

from aigc_core.errors import InvalidRequest
from aigc_core.pictures import open_picture
from aigc_core.text import Text

SIDE, BOX = 28, 20
# Longest side, in pixels: of a picture when its ink is found, when its paper is looked at, when
# its strokes are told from specks, and of a digit when the width of its strokes is measured.
WORK, PAPER, COARSE, FINE = 512, 64, 96, 80
# Share of the ink's strength from which a pixel belongs to a stroke.
STROKE = 0.4
# Pixels of 28: 99 of 100 MNIST digits have wider strokes; thinner ones are made so wide.
THIN, WIDER = 1.4, 1.8
# Fainter than this (of 0..1), or than as many times the paper's grain, is nothing drawn.
FAINT, GRAIN = 0.08, 5.0
RESAMPLING = Pillow.Resampling.LANCZOS
# Parts of less than this share of the largest are specks.
SPECK = 0.04

EMPTY = Text(
    "There is no drawing in this picture: nothing stands out from its ground.",
    "这张图片中没有笔画：没有任何内容从背景中显现出来。",
)


def read_digit(path: Path) -> np.ndarray:
    """The digit (28, 28) uint8 in a picture file.

    Raises:
        UnreadableFile: as `pictures.open_picture`.
        InvalidRequest: nothing is drawn there.
    """
    with open_picture(path) as picture:
        return to_digit(picture)


def to_digit(picture: Pillow.Image) -> np.ndarray:
    """The digit (28, 28) uint8 in a decoded picture of any mode and size, 255 is ink.

    Raises:
        InvalidRequest: nothing is drawn there.
    """
    digit = trimmed(largest_parts(ink_of(colours(picture))))
    fine = np.pad(fitted(digit, FINE), FINE // 8)
    if (width := stroke_width(fine)) < THIN:
        digit = trimmed(thickened(fine, WIDER - width))
    return centred(fitted(digit, BOX))


def pack(digit: np.ndarray) -> str:
    """A digit (28, 28) uint8 as requests carry it: its bytes in Base64."""
    return base64.b64encode(np.ascontiguousarray(digit, np.uint8).tobytes()).decode()


def unpack(text: str) -> np.ndarray:
    """The digit (28, 28) uint8 of a valid request."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(SIDE, SIDE)


def colours(picture: Pillow.Image) -> np.ndarray:
    """RGB (h, w, 3) float32 in 0..1, upright, at most `WORK` pixels long, nothing transparent."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):
        picture = eight_bits(picture)
    seen_through = picture.has_transparency_data
    picture = picture.convert("RGBA" if seen_through else "RGB")
    picture.thumbnail((WORK, WORK), Pillow.Resampling.BOX, reducing_gap=None)
    values = np.asarray(picture, np.float32) / 255
    if not seen_through:
        return values
    rgb, alpha = values[..., :3], values[..., 3:]
    return rgb * alpha + ground_below(rgb, alpha[..., 0]) * (1 - alpha)


def eight_bits(picture: Pillow.Image) -> Pillow.Image:
    """A picture of 16 bits or more per pixel, its own range spread over 0..255."""
    values = np.asarray(picture, np.float32)
    low, high = values.min(), values.max()
    return Pillow.fromarray(((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8))


def ground_below(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The colour (3,) to lay below: ink alone gets a paper unlike it, a picture with transparent
    edges gets its own."""
    seen = rgb[alpha > 0.5]
    if len(seen) == 0:
        return np.ones(3, np.float32)
    if len(seen) > alpha.size / 2:
        return np.asarray(np.median(seen, axis=0), np.float32)
    return np.full(3, float(seen.mean() < 0.5), np.float32)


def ink_of(rgb: np.ndarray) -> np.ndarray:
    """How much of the ink's colour each pixel (h, w) has, in 0..1.

    Raises:
        InvalidRequest: nothing stands out.
    """
    apart = rgb - paper(rgb)
    distance = np.linalg.norm(apart, axis=2)
    strongest = distance >= 0.5 * top_of(distance)
    direction = apart[strongest].mean(axis=0)
    ink = apart @ (direction / max(float(np.linalg.norm(direction)), 1e-9))
    grain = 1.4826 * float(np.median(np.abs(ink)))
    # In RGB, black and white are a distance of 3 ** 0.5 apart.
    top, low = top_of(ink), 3 * grain
    if top < max(FAINT * 3**0.5, GRAIN * grain):
        raise InvalidRequest(EMPTY)
    low = max(low, 0.05 * top)
    return np.clip((ink - low) / (top - low), 0, 1)


def paper(rgb: np.ndarray) -> np.ndarray:
    """The colour (h, w, 3) of the paper below each pixel, were it not for the ink.

    A surface of second degree is laid through the picture's border, then through all that lies
    near it. Both times it follows the median: a stroke that runs over the border moves it little.
    """
    scale = min(1, PAPER / max(rgb.shape))
    height, width = (max(1, round(scale * side)) for side in rgb.shape[:2])
    small = np.stack([resized(channel, (width, height)) for channel in np.moveaxis(rgb, 2, 0)], 2)
    rim = max(1, round(0.04 * max(height, width)))
    border = np.ones((height, width), bool)
    border[rim:-rim, rim:-rim] = False
    terms = surface(height, width)
    weights = fit(terms[border], small[border])
    off = np.linalg.norm(small - terms @ weights, axis=2)
    near = off <= max(FAINT, 3 * float(np.median(off[border])))
    if near.sum() > border.sum() / 2:
        weights = fit(terms[near], small[near])
    size = rgb.shape[1], rgb.shape[0]
    smooth = np.moveaxis(terms @ weights, 2, 0)
    return np.stack([resized(channel, size, Pillow.Resampling.BILINEAR) for channel in smooth], 2)


def surface(height: int, width: int) -> np.ndarray:
    """The terms 1, x, y, x², xy, y² (h, w, 6) of each pixel, with x and y in -1..1."""
    y, x = np.meshgrid(*(((2 * np.arange(n) + 1) / n - 1) for n in (height, width)), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)


def fit(terms: np.ndarray, values: np.ndarray, rounds: int = 12) -> np.ndarray:
    """Weights (6, 3) that bring terms (n, 6) near to values (n, 3) by the sum of distances.

    Least squares again and again, each time with less weight on what lies far off.
    """
    trust = np.ones((len(terms), 1))
    for _ in range(rounds):
        trusted = (terms * trust).T
        weights = np.linalg.lstsq(trusted @ terms, trusted @ values, rcond=None)[0]
        off = np.linalg.norm(values - terms @ weights, axis=1, keepdims=True)
        trust = 1 / np.maximum(off, 1e-3)
    return weights


def largest_parts(ink: np.ndarray) -> np.ndarray:
    """The ink without specks: parts that touch nothing and weigh next to nothing."""
    step = -(-max(ink.shape) // COARSE)
    height, width = (-(-n // step) for n in ink.shape)
    padded = np.pad(
        ink, [(0, n * step - m) for n, m in zip((height, width), ink.shape, strict=True)]
    )
    tiles = padded.reshape(height, step, width, step)
    inked, weight = tiles.max(axis=(1, 3)) > STROKE, tiles.sum(axis=(1, 3))
    parts = connected(inked)
    weights = np.bincount(parts.ravel(), weight.ravel())
    weights[0] = 0
    kept = (weights >= SPECK * weights.max())[parts] & inked
    # A tile more all around, for the soft edge of a stroke.
    kept = widened(kept)
    return ink * kept.repeat(step, axis=0).repeat(step, axis=1)[: ink.shape[0], : ink.shape[1]]


def connected(mask: np.ndarray) -> np.ndarray:
    """Numbers (h, w) of the connected parts of a mask, diagonals included; 0 is outside."""
    parts = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        spread = np.where(mask, widened(parts), 0)
        if np.array_equal(spread, parts):
            return parts
        parts = spread


def widened(values: np.ndarray) -> np.ndarray:
    """The largest value (h, w) among each one and its eight neighbours."""
    for _ in range(2):
        wide = values.copy()
        np.maximum(wide[1:], values[:-1], out=wide[1:])
        np.maximum(wide[:-1], values[1:], out=wide[:-1])
        values = wide.T
    return values


def stroke_width(fine: np.ndarray) -> float:
    """The mean width of the strokes of a digit of `FINE` pixels, in pixels of 28: twice the ink
    over its outline."""
    down, right = np.diff(fine, axis=0)[:, :-1], np.diff(fine, axis=1)[:-1]
    outline = float(np.hypot(down, right).sum())
    return 2 * float(fine.sum()) / max(outline, 1e-9) * BOX / FINE


def thickened(fine: np.ndarray, by: float) -> np.ndarray:
    """A digit of `FINE` pixels with wider strokes, by so many pixels of 28."""
    grown = 2 * round(by * FINE / BOX / 2) + 1
    return np.asarray(Pillow.fromarray(fine).filter(ImageFilter.MaxFilter(grown)))


def fitted(digit: np.ndarray, side: int) -> np.ndarray:
    """A digit scaled until its longer side has so many pixels, its strongest ink 1."""
    height, width = digit.shape
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = resized(digit, size)
    return np.clip(scaled / scaled.max(), 0, 1)


def centred(digit: np.ndarray) -> np.ndarray:
    """A digit of at most 20x20 on 28x28 black, its centre of mass in the middle, as uint8."""
    page = np.zeros((SIDE, SIDE), np.uint8)
    places = []
    for axis, length in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        middle = float(mass @ np.arange(length) / mass.sum())
        places.append(min(max(round(SIDE / 2 - middle), 0), SIDE - length))
    (top, left), (height, width) = places, digit.shape
    page[top : top + height, left : left + width] = np.round(digit * 255)
    return page


def trimmed(ink: np.ndarray) -> np.ndarray:
    """Ink that is somewhere strong, without the empty rows and columns around it."""
    rows, columns = (np.flatnonzero((ink > STROKE).any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def resized(
    values: np.ndarray, size: tuple[int, int], resampling: Pillow.Resampling = RESAMPLING
) -> np.ndarray:
    """Values (h, w) at another size (width, height)."""
    picture = Pillow.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize(size, resampling))


def top_of(values: np.ndarray) -> float:
    """The largest value, were it not for a few odd pixels."""
    few = min(values.size - 1, 2 + values.size // 10_000)
    return float(np.partition(values, -1 - few, axis=None)[-1 - few])
