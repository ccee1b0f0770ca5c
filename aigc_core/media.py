"""Media as plain arrays and strings: what models make, before any file format."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Image:
    """One picture.

    Args:
        pixels: (height, width) grey or (height, width, 3) RGB, uint8.
    """

    pixels: np.ndarray


@dataclass(frozen=True)
class Animation:
    """Pictures in time.

    Args:
        frames: (n, height, width) grey or (n, height, width, 3) RGB, uint8.
        fps: frames per second.
    """

    frames: np.ndarray
    fps: float = 8.0


@dataclass(frozen=True)
class Writing:
    """A piece of text.

    Args:
        text: what a model wrote, without what it was given to go on from.
        thinking: what it wrote to itself first, which pages fold away.
    """

    text: str
    thinking: str = ""


@dataclass(frozen=True)
class Numbers:
    """Measured values in a grid.

    Args:
        array: float32; NaN where there is no value.
        axes: what each axis goes over, such as ("layer", "head").
    """

    array: np.ndarray
    axes: tuple[str, ...]


Media = Image | Animation | Writing | Numbers


def pixels(media: Media) -> np.ndarray:
    """The values of any picture: (h, w), (h, w, 3), or with frames in front.

    Raises:
        TypeError: it is no picture.
    """
    if isinstance(media, Image):
        return media.pixels
    if isinstance(media, Animation):
        return media.frames
    raise TypeError(f"a {type(media).__name__} has no pixels")


def values(media: Media) -> np.ndarray:
    """What a medium consists of: its pixels or numbers, or the bytes of its text in UTF-8."""
    if isinstance(media, Writing):
        whole = f"{media.thinking}\0{media.text}" if media.thinking else media.text
        return np.frombuffer(whole.encode(), np.uint8)
    if isinstance(media, Numbers):
        return media.array
    return pixels(media)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Values in 0..1, of any shape, to 0..255 uint8."""
    return (np.clip(values, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def sheet(images: np.ndarray, columns: int, *, gap: int = 0, ground: int = 0) -> Image:
    """Pictures (n, h, w) or (n, h, w, 3) uint8 in reading order on one picture.

    Args:
        gap: pixels between neighbours.
        ground: value of gaps and of places left over.
    """
    n, h, w, *rest = images.shape
    rows = -(-n // columns)
    page = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, *rest), ground, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = row * (h + gap), column * (w + gap)
        page[top : top + h, left : left + w] = image
    return Image(page)
