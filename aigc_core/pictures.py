"""Strangers' pictures, opened with care: format, size and length are checked before decoding."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image as Pillow

from aigc_core.errors import UnreadableFile, size
from aigc_core.text import Text

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_PIXELS = 16_000_000
MAX_BYTES = 20_000_000

# What Pillow's decoders raise over bytes that are not as they should be.
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, struct.error)


@contextmanager
def open_picture(path: Path, formats: tuple[str, ...] = FORMATS) -> Iterator[Pillow.Image]:
    """A picture's first frame, decoded, with its metadata.

    Raises:
        UnreadableFile: empty, of another format, over 16 megapixels or 20 MB, or damaged.
    """
    length = path.stat().st_size
    if length == 0:
        raise UnreadableFile(Text("This file is empty.", "此文件为空。"))
    if length > MAX_BYTES:
        raise UnreadableFile(
            Text(
                "This file has {size}; {limit} is the limit.", "此文件有 {size}，上限为 {limit}。"
            ),
            size=size(length),
            limit=size(MAX_BYTES),
        )
    picture: Pillow.Image
    try:
        # Pillow warns of large pictures; ours is the refusal.
        picture = Pillow.open(path, formats=formats)
    except Pillow.DecompressionBombError:
        raise too_large() from None
    except DAMAGE:
        raise UnreadableFile(
            Text(
                "This is not a picture that we read: {formats}.",
                "无法读取该图片。支持的格式：{formats}。",
            ),
            formats=", ".join(formats),
        ) from None
    with picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise too_large(picture.width, picture.height)
        try:
            picture.load()
        except DAMAGE:
            raise UnreadableFile(
                Text("This picture is damaged or cut off.", "这张图片已损坏或不完整。")
            ) from None
        yield picture


def too_large(width: int = 0, height: int = 0) -> UnreadableFile:
    given = f"{width} x {height}" if width else "?"
    return UnreadableFile(
        Text(
            "This picture is too large ({given} pixels); {limit} megapixels is the limit.",
            "图片过大（{given} 像素），上限为 {limit} 百万像素。",
        ),
        given=given,
        limit=MAX_PIXELS // 1_000_000,
    )
