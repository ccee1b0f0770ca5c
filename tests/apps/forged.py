"""Pictures that are not what they should be."""

import io
import struct
import zlib

from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo


def gif(frames: int) -> bytes:
    buffer = io.BytesIO()
    first, *rest = [Pillow.new("L", (8, 8), shade % 256) for shade in range(frames)]
    first.save(buffer, "GIF", save_all=True, append_images=rest)
    return buffer.getvalue()


def picture(kind: str, size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("L", size).save(buffer, kind)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims more."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def bomb() -> bytes:
    """A picture whose compressed text is a thousand times as long as the file."""
    plain = picture("PNG")
    text = chunk(b"zTXt", b"aigc\0\0" + zlib.compress(b"a" * 50_000_000, 9))
    return plain[:33] + text + plain[33:]


def with_record(text: str) -> bytes:
    buffer, info = io.BytesIO(), PngInfo()
    info.add_itxt("aigc", text)
    Pillow.new("L", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()
