import random
import resource
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from aigc_core.errors import UnreadableFile
from aigc_core.pictures import FORMATS, MAX_BYTES, MAX_PIXELS, open_picture

MB = 1_000_000


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND")


@cache
def zeros(count: int) -> bytes:
    """So many zeros, packed; a full flush makes each megabyte the same block of a kilobyte."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, wbits=-15)
    end = rest.compress(bytes(count % MB)) + rest.flush()
    checksum = (count % 65521) << 16 | 1  # Adler-32 of zeros
    return b"\x78\xda" + count // MB * block + end + struct.pack(">I", checksum)


def test_the_bombs_are_what_they_seem():
    for count in (72, MB, 3 * MB + 5):
        assert zlib.decompress(zeros(count)) == bytes(count)
    assert len(zeros(400 * MB)) < MB


def black(width: int, height: int) -> bytes:
    """A whole grey PNG, all black."""
    return png(header(width, height), chunk(b"IDAT", zeros((width + 1) * height)))


def drawn(kind: str, **settings: object) -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (24, 31, 3), dtype=np.uint8)
    buffer = BytesIO()
    Pillow.fromarray(values).save(buffer, kind, **settings)
    return buffer.getvalue()


@contextmanager
def little_memory(limit: int) -> Iterator[None]:
    """Fails where Python's allocations, or the process as a whole, grew by more than that."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert peak < limit
    assert grown < limit


def refusal(path: Path, content: bytes, limit: int = 30 * MB) -> str:
    """What the visitor is told, in English; the file must have cost little memory."""
    path.write_bytes(content)
    with little_memory(limit), pytest.raises(UnreadableFile) as caught, open_picture(path):
        pytest.fail("it was opened")
    assert caught.value.text.zh
    assert caught.value.text.zh != caught.value.text.en
    return caught.value.text.en


def read(path: Path, content: bytes) -> np.ndarray:
    path.write_bytes(content)
    with open_picture(path) as picture:
        return np.asarray(picture)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "picture.png"


@pytest.mark.parametrize("kind", FORMATS)
def test_good_pictures_are_read(kind: str, file: Path):
    with Pillow.open(BytesIO(drawn(kind))) as picture:
        wanted = np.asarray(picture)
    assert np.array_equal(read(file, drawn(kind)), wanted)


def test_400_megapixels_are_refused_before_decoding(file: Path):
    content = black(20_000, 20_000)
    assert len(content) < MB
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "16 megapixels is the limit" in refusal(file, content)


def test_more_pixels_than_our_cap_are_refused(file: Path):
    text = refusal(file, black(4001, 4000))
    assert "4001 x 4000 pixels" in text
    assert "16 megapixels is the limit" in text


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_pillow_only_warns_of_is_refused(file: Path):
    assert "16 megapixels is the limit" in refusal(file, black(10_000, 10_000))


def test_as_many_pixels_as_our_cap_are_read(file: Path):
    side = int(MAX_PIXELS**0.5)
    assert side * side == MAX_PIXELS
    assert read(file, black(side, side)).shape == (side, side)


def test_a_long_thin_picture_is_refused(file: Path):
    assert "megapixels" in refusal(file, black(MAX_PIXELS + 1, 1))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_picture_that_is_cut_off_is_refused(kind: str, share: float, file: Path):
    content = drawn(kind)
    text = refusal(file, content[: int(len(content) * share)])
    assert "damaged or cut off" in text or "not a picture" in text


def test_a_png_that_is_cut_off_says_so(file: Path):
    content = drawn("PNG")
    assert "damaged or cut off" in refusal(file, content[: len(content) // 2])


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_text_that_unpacks_to_400_megabytes_is_refused(kind: bytes, where: str, file: Path):
    bomb = zeros(400 * MB)
    prefix = b"aigc\0\0" if kind == b"zTXt" else b"aigc\0\1\0\0\0"
    text, data = chunk(kind, prefix + bomb), chunk(b"IDAT", zeros(9 * 8))
    order = (text, data) if where == "before" else (data, text)
    refusal(file, png(header(8, 8), *order))


def test_a_colour_profile_that_unpacks_to_400_megabytes_stays_packed(file: Path):
    profile = chunk(b"iCCP", b"a\0\0" + zeros(400 * MB))
    file.write_bytes(png(header(8, 8), profile, chunk(b"IDAT", zeros(9 * 8))))
    with little_memory(30 * MB):
        try:
            with open_picture(file) as picture:
                assert picture.size == (8, 8)
        except UnreadableFile:
            pass


def test_many_texts_together_are_bounded(file: Path):
    texts = [chunk(b"zTXt", b"k%d\0\0" % i + zeros(900_000)) for i in range(200)]
    refusal(file, png(header(8, 8), *texts, chunk(b"IDAT", zeros(9 * 8))), limit=120 * MB)


@pytest.mark.parametrize("name", ["picture.png", "picture.svg"])
def test_svg_is_refused_whatever_it_is_called(name: str, tmp_path: Path):
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    text = refusal(tmp_path / name, svg)
    assert all(kind in text for kind in FORMATS)


def test_only_the_first_frame_of_400_is_decoded(file: Path):
    frames = [Pillow.fromarray(np.full((16, 16), i % 256, np.uint8)) for i in range(400)]
    buffer = BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    with Pillow.open(buffer) as picture:
        assert picture.n_frames == 400
    with little_memory(30 * MB):
        assert (read(file, buffer.getvalue()) == read(file, gif_of(frames[0]))).all()


def gif_of(picture: Pillow.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "GIF")
    return buffer.getvalue()


def test_an_empty_file_is_refused(file: Path):
    assert "empty" in refusal(file, b"")


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
        b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
        b"BM" + bytes(100),
        b"II*\0" + bytes(100),
        b"P5 2 2 255 \0\0\0\0",
        b"\x00\x00\x01\x00\x01\x00" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        b"just words",
        b"\0",
    ],
    ids=["eps", "pdf", "bmp", "tiff", "pgm", "ico", "zip", "words", "nul"],
)
def test_other_formats_are_refused_by_name(content: bytes, file: Path):
    text = refusal(file, content)
    assert "PNG, JPEG, WEBP, GIF" in text


def test_formats_can_be_fewer(file: Path):
    file.write_bytes(drawn("JPEG"))
    with (
        pytest.raises(UnreadableFile, match="PNG, GIF"),
        open_picture(file, formats=("PNG", "GIF")),
    ):
        pass


def test_a_real_tiff_is_refused(file: Path):
    assert "PNG" in refusal(file, drawn("TIFF"))


def test_too_many_bytes_are_refused_unread(file: Path):
    with file.open("wb") as sparse:
        sparse.truncate(MAX_BYTES + 1)
    with little_memory(5 * MB), pytest.raises(UnreadableFile, match="20 MB"), open_picture(file):
        pass


def lying_jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    content = bytearray(drawn("JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(65_500, 65_500), (12_000, 9_000), (5000, 4000)])
def test_a_jpeg_that_claims_too_much_is_refused(width: int, height: int, file: Path):
    assert "16 megapixels is the limit" in refusal(file, lying_jpeg(width, height))


def test_a_jpeg_that_claims_more_than_it_has_costs_no_more_than_it_claims(file: Path):
    file.write_bytes(lying_jpeg(1000, 1000))
    with little_memory(30 * MB):
        try:
            with open_picture(file) as picture:
                assert picture.size == (1000, 1000)
        except UnreadableFile:
            pass


def test_a_webp_that_claims_too_much_is_refused(file: Path):
    size = (16_383 - 1) | (16_383 - 1) << 14
    data = b"\x2f" + struct.pack("<I", size) + bytes(20)
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data + b"\0"
    refusal(file, b"RIFF" + struct.pack("<I", len(body)) + body)


def test_a_gif_whose_frame_is_larger_than_its_screen_is_refused(file: Path):
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x08\x02\x4c\x01\0"
    content = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame + b";"
    refusal(file, content)


def test_a_png_whose_pixels_are_fewer_than_claimed_is_refused(file: Path):
    assert "damaged" in refusal(file, png(header(3000, 3000), chunk(b"IDAT", zeros(100))))


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_bytes_give_a_picture_or_a_sentence(kind: str, file: Path):
    random_ = random.Random(0)
    content = drawn(kind)
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(random_.choice([1, 4, 20])):
            damaged[random_.randrange(len(damaged))] = random_.randrange(256)
        file.write_bytes(damaged)
        try:
            with open_picture(file) as picture:
                assert picture.width * picture.height <= MAX_PIXELS
        except UnreadableFile:
            pass


KINDS = (b"cHRM", b"iCCP", b"tRNS", b"pHYs", b"acTL", b"fcTL", b"fdAT", b"eXIf", b"zTXt", b"PLTE")


@pytest.mark.filterwarnings("ignore:Invalid APNG")
@pytest.mark.parametrize("kind", KINDS)
def test_misshapen_chunks_give_a_picture_or_a_sentence(kind: bytes, file: Path):
    data = chunk(b"IDAT", zeros(9 * 8))
    for length in range(12):
        for content in (bytes(length), b"a\0" + bytes(length), b"\xff" * length):
            for order in ([chunk(kind, content), data], [data, chunk(kind, content)]):
                file.write_bytes(png(header(8, 8), *order))
                try:
                    with open_picture(file) as picture:
                        assert picture.size == (8, 8)
                except UnreadableFile:
                    pass
