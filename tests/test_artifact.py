import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from pydantic import ValidationError

from aigc_core.artifact import KEY, Artifact, Record, contact_sheet, read_record
from aigc_core.errors import InvalidRequest, UnreadableFile
from aigc_core.exports import file_name, writable, write, write_zip
from aigc_core.media import Animation, Image, Media, pixels, sheet, to_bytes

WORDS = "一只猫 “quoted” é \u2028 🖋 <b> {x}"


def record(**values: Any) -> Record:
    return Record(
        **{
            "task": "sample-images",
            "request": {"label": "3", "count": 2, "prompt": WORDS},
            "model": "small-gan",
            "revision": "sha256:0",
            "seed": 42,
            "details": {"label": "3", "index": 0},
            "device": "cpu",
            "software": {"aigc": "0.1.0", "torch": "2"},
            "created": "2026-01-02T03:04:05+00:00",
            "seconds": 0.25,
            **values,
        }
    )


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def picture(seed: int = 0, *shape: int, **values: Any) -> Artifact:
    made = record(**{"seed": seed, "details": {"label": str(seed % 10)}, **values})
    return Artifact(Image(noise(*(shape or (28, 28)), seed=seed)), made)


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    """A PNG's chunks, checksums verified, read without Pillow."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", content[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + data)
        found.append((kind, data))
        at += 12 + length
    assert found[-1][0] == b"IEND"
    return found


def itxt(path: Path) -> dict[str, str]:
    """The Unicode texts of a PNG: keyword, two flags, two tags, and UTF-8 (PNG, third edition)."""
    texts = {}
    for kind, data in chunks(path):
        if kind == b"iTXt":
            key, rest = data.split(b"\0", 1)
            packed, _, _, _, text = rest[0], rest[1], *rest[2:].split(b"\0", 2)
            texts[key.decode("latin-1")] = (zlib.decompress(text) if packed else text).decode()
    return texts


@pytest.mark.parametrize("shape", [(28, 28), (5, 7), (9, 4, 3)])
def test_png_keeps_pixels_and_record(shape: tuple[int, ...], tmp_path: Path):
    artifact = picture(1, *shape)
    path = artifact.save(tmp_path / "a.png")
    with Pillow.open(path) as opened:
        assert np.array_equal(np.asarray(opened), pixels(artifact.media))
    assert read_record(path) == artifact.record


def test_the_record_in_a_png_is_plain_unicode_text(tmp_path: Path):
    artifact = picture(1)
    texts = itxt(artifact.save(tmp_path / "a.png"))
    assert json.loads(texts[KEY]) == artifact.record.model_dump()
    assert WORDS in json.loads(texts[KEY])["request"]["prompt"]
    assert "small-gan" in texts["Description"]
    assert WORDS in texts["Description"]


def test_pillow_shows_the_texts_of_a_png(tmp_path: Path):
    artifact = picture(1)
    with Pillow.open(artifact.save(tmp_path / "a.png")) as opened:
        texts = opened.text
    assert json.loads(texts[KEY]) == artifact.record.model_dump()
    assert texts["Title"] == "sample-images by small-gan"
    assert texts["Software"] == "AIGC suite 0.1.0"
    assert texts["Creation Time"] == artifact.record.created


def test_a_model_may_have_a_chinese_name(tmp_path: Path):
    artifact = picture(1, model="小模型")
    path = artifact.save(tmp_path / "一.png")
    assert read_record(path).model == "小模型"
    assert itxt(path)["Title"] == "sample-images by 小模型"


def test_gif_keeps_frames_and_record(tmp_path: Path):
    frames = noise(6, 28, 28)
    artifact = Artifact(Animation(frames), record())
    path = artifact.save(tmp_path / "a.gif")
    assert read_record(path) == artifact.record
    with Pillow.open(path) as opened:
        assert opened.n_frames == 6
        assert opened.info["loop"] == 0
        assert opened.info["duration"] == pytest.approx(125, abs=5)
        for index, frame in enumerate(frames):
            opened.seek(index)
            assert np.array_equal(np.asarray(opened.convert("L")), frame)


def test_the_record_in_a_gif_is_its_comment(tmp_path: Path):
    artifact = Artifact(Animation(noise(2, 8, 8)), record(request={"prompt": WORDS * 40}))
    path = artifact.save(tmp_path / "a.gif")
    content = path.read_bytes()
    at = content.index(b"\x21\xfe") + 2
    comment = b""
    while length := content[at]:
        comment += content[at + 1 : at + 1 + length]
        at += 1 + length
    assert json.loads(comment) == artifact.record.model_dump()
    assert read_record(path) == artifact.record


def test_an_animation_that_stands_still_keeps_its_record(tmp_path: Path):
    artifact = Artifact(Animation(np.zeros((5, 8, 8), np.uint8)), record())
    assert read_record(artifact.save(tmp_path / "a.gif")) == artifact.record


def test_equal_artifacts_have_equal_digests():
    assert picture(1).digest() == picture(1).digest()


@pytest.mark.parametrize("when", [{"created": "1999-01-01T00:00:00+00:00"}, {"seconds": 99.0}])
def test_time_and_timing_do_not_count(when: dict[str, Any]):
    assert picture(1).digest() == picture(1, **when).digest()


@pytest.mark.parametrize(
    "other",
    [
        {"task": "trace-image"},
        {"request": {"label": "4"}},
        {"model": "other"},
        {"revision": "sha256:1"},
        {"seed": 43},
        {"details": {}},
        {"device": "cuda:0"},
        {"software": {"aigc": "0.1.0", "torch": "3"}},
        {"tolerance": 1.0},
    ],
)
def test_everything_else_in_the_record_counts(other: dict[str, Any]):
    medium = Image(noise(4, 4))
    assert Artifact(medium, record()).digest() != Artifact(medium, record(**other)).digest()


def test_every_pixel_and_the_shape_count():
    values = noise(6, 4)
    changed = values.copy()
    changed[5, 3] ^= 1
    media: list[Media] = [
        Image(values),
        Image(changed),
        Image(values.reshape(4, 6)),
        Animation(values[None]),
    ]
    assert len({Artifact(medium, record()).digest() for medium in media}) == len(media)


def test_the_digest_is_of_values_and_not_of_their_place_in_memory():
    values = noise(6, 4)
    turned = np.asfortranarray(values)
    assert Artifact(Image(values), record()).digest() == Artifact(Image(turned), record()).digest()


def test_the_digest_survives_the_file(tmp_path: Path):
    artifact = picture(3)
    path = artifact.save(tmp_path / "a.png")
    with Pillow.open(path) as opened:
        again = Artifact(Image(np.asarray(opened)), read_record(path))
    assert again.digest() == artifact.digest()


def test_canonical_does_not_depend_on_the_order_of_settings():
    one, two = {"a": 1, "b": "二"}, {"b": "二", "a": 1}
    assert record(request=one).canonical() == record(request=two).canonical()
    assert "二" in record(request=one).canonical()


def test_a_record_is_frozen_and_knows_its_fields():
    with pytest.raises(ValidationError):
        record().seed = 3
    with pytest.raises(ValidationError):
        record(unknown=1)


def test_a_record_describes_itself_in_both_languages():
    text = record().describe()
    assert all("small-gan" in said and "count 2" in said for said in text)
    assert text.zh.startswith("由")


def plain(path: Path, kind: str = "PNG", **settings: Any) -> Path:
    Pillow.fromarray(noise(8, 8)).save(path, kind, **settings)
    return path


def with_text(path: Path, text: str) -> Path:
    info = PngInfo()
    info.add_itxt(KEY, text)
    return plain(path, pnginfo=info)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"task": 1}', "[" * 100_000])
def test_other_texts_are_no_records(text: str, tmp_path: Path):
    with pytest.raises(UnreadableFile, match="record"):
        read_record(with_text(tmp_path / "a.png", text))


def test_a_record_with_an_unknown_field_is_refused(tmp_path: Path):
    fields = {**record().model_dump(), "extra": 1}
    with pytest.raises(UnreadableFile, match="record"):
        read_record(with_text(tmp_path / "a.png", json.dumps(fields)))


def test_pictures_without_a_record_say_so(tmp_path: Path):
    for path in (
        plain(tmp_path / "a.png"),
        plain(tmp_path / "b.gif", "GIF"),
        plain(tmp_path / "c.gif", "GIF", comment=b"\xff\xfe not utf-8"),
    ):
        with pytest.raises(UnreadableFile, match="does not carry the record"):
            read_record(path)


def test_a_record_is_read_from_png_and_gif_alone(tmp_path: Path):
    with pytest.raises(UnreadableFile, match="PNG, GIF"):
        read_record(plain(tmp_path / "a.jpg", "JPEG"))


def test_contact_sheet_is_in_reading_order():
    artifacts = [picture(seed, 3, 4) for seed in range(5)]
    made = contact_sheet(artifacts, columns=2)
    page = pixels(made.media)
    assert page.shape == (9, 8)
    for index, artifact in enumerate(artifacts):
        row, column = divmod(index, 2)
        part = page[3 * row : 3 * row + 3, 4 * column : 4 * column + 4]
        assert np.array_equal(part, pixels(artifact.media))
    assert not page[6:, 4:].any()
    assert made.record.details["pictures"] == 5
    assert made.record.details["labels"] == [a.record.details.get("label") for a in artifacts]
    assert made.record.request == artifacts[0].record.request
    assert made.record.seed == artifacts[0].record.seed


def test_contact_sheet_is_no_wider_than_its_pictures():
    assert pixels(contact_sheet([picture(1)]).media).shape == (28, 28)
    assert pixels(contact_sheet([picture(i) for i in range(3)]).media).shape == (28, 84)


def test_sheet_with_gaps_and_colour():
    made = sheet(np.full((3, 2, 2, 3), 9, np.uint8), columns=2, gap=1, ground=5).pixels
    assert made.shape == (5, 5, 3)
    assert (made[2] == 5).all()
    assert (made[:, 2] == 5).all()
    assert (made[3:, 3:] == 5).all()
    assert (made[:2, :2] == 9).all()


def test_to_bytes_rounds_and_clips():
    values = np.array([-1.0, 0.0, 0.4 / 255, 0.6 / 255, 0.5, 1.0, 7.0])
    assert to_bytes(values).tolist() == [0, 0, 0, 1, 128, 255, 255]
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_bytes(levels / np.float32(255)), levels)


def animation() -> Artifact:
    return Artifact(Animation(noise(3, 8, 8)), record(details={}))


def test_file_names_tell_siblings_apart():
    assert file_name(picture(42, details={"label": "3"})) == "small-gan-000042-3.png"
    assert file_name(picture(1, details={"layer": "up"})) == "small-gan-000001-up.png"
    assert file_name(animation()) == "small-gan-000042.gif"
    names = [file_name(picture(seed)) for seed in range(100)]
    assert names == sorted(set(names))


def test_writing_a_folder(tmp_path: Path):
    artifacts = [picture(seed) for seed in range(3)]
    files = write(artifacts, tmp_path / "some" / "folder")
    assert [file.name for file in files] == [file_name(artifact) for artifact in artifacts]
    assert [read_record(file) for file in files] == [artifact.record for artifact in artifacts]
    assert write(artifacts, tmp_path / "some" / "folder") == files


def test_writing_a_zip(tmp_path: Path):
    artifacts = [picture(0), picture(1), animation()]
    (path,) = write(artifacts, tmp_path / "new" / "all.zip")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [file_name(artifact) for artifact in artifacts]
        archive.extractall(tmp_path)
    for artifact in artifacts:
        assert read_record(tmp_path / file_name(artifact)) == artifact.record


def test_writing_one_png(tmp_path: Path):
    (path,) = write([picture(1)], tmp_path / "one.png")
    assert read_record(path) == picture(1).record
    (path,) = write([picture(seed) for seed in range(12)], tmp_path / "sheet.png")
    assert read_record(path).details["pictures"] == 12
    with Pillow.open(path) as opened:
        assert opened.size == (280, 56)


def test_writing_one_gif(tmp_path: Path):
    (path,) = write([animation()], tmp_path / "one.gif")
    assert read_record(path) == animation().record


@pytest.mark.parametrize(
    ("artifacts", "name"),
    [
        ([animation()], "a.png"),
        ([picture(1)], "a.gif"),
        ([animation(), animation()], "a.gif"),
        ([picture(1), picture(2, 9, 9)], "a.png"),
        ([picture(1)], "a.jpg"),
        ([picture(1)], "a.svg"),
    ],
)
def test_what_does_not_fit_into_one_file_is_refused(
    artifacts: list[Artifact], name: str, tmp_path: Path
):
    with pytest.raises(InvalidRequest) as caught:
        write(artifacts, tmp_path / name)
    assert all(Path(name).suffix in text for text in caught.value.text)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["taken", "taken/a.png"])
def test_a_place_where_nothing_can_be_written_is_told_in_a_sentence(name: str, tmp_path: Path):
    (tmp_path / "taken").touch()
    with pytest.raises(InvalidRequest) as caught, writable(tmp_path / name):
        write([picture(1)], tmp_path / name)
    assert all("taken" in text and "exists" in text for text in caught.value.text)


def test_write_zip_can_be_repeated(tmp_path: Path):
    for artifacts in ([picture(0), picture(1)], [picture(2)]):
        path = write_zip(artifacts, tmp_path / "all.zip")
        with zipfile.ZipFile(path) as archive:
            assert len(archive.namelist()) == len(artifacts)
