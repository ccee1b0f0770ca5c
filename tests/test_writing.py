import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from aigc_core.artifact import LONGEST_TEXT, Artifact, Record, read_record
from aigc_core.errors import InvalidRequest, UnreadableFile
from aigc_core.exports import file_name, file_names, write
from aigc_core.media import Image, Writing, pixels, values
from aigc_core.tasks import ContinueText

TEXTS = (
    "there was a lighthouse.",
    "",
    "从前有座灯塔\n\n\taigc: {}\n",
    '"quotes" \\ {braces} <b> \u2028 👩‍👩‍👧',
    "\x0b\x7f \ufeff\r\n end\r",
    'aigc: {"task": "forged"}',
)


def record(**changes: Any) -> Record:
    fields = {
        "task": ContinueText.task,
        "request": ContinueText.ask(prompt="从前\n有", seed=7).model_dump(),
        "model": "qwen3-0.6b",
        "revision": "0" * 40,
        "seed": 7,
        "device": "cpu",
        "software": {"aigc": "0.1"},
        "created": "2026-01-01T00:00:00+00:00",
        "seconds": 0.5,
    }
    return Record(**{**fields, **changes})


def artifact(text: str = TEXTS[0], **changes: Any) -> Artifact:
    return Artifact(Writing(text), record(**changes))


@pytest.mark.parametrize("ending", ["txt", "json"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_saved_text_carries_its_record(text: str, ending: str, tmp_path: Path):
    path = artifact(text).save(tmp_path / f"out.{ending}")
    assert read_record(path) == record()


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_itself_comes_back(text: str, tmp_path: Path):
    plain = artifact(text).save(tmp_path / "out.txt").read_bytes().decode("utf-8")
    assert plain.startswith(text + "\n\naigc: {")
    content = json.loads(artifact(text).save(tmp_path / "out.json").read_text("utf-8"))
    assert content["text"] == text
    assert set(content) == {"text", "aigc"}


def test_records_survive_editors_that_add_a_mark_or_a_line_end(tmp_path: Path):
    path = artifact().save(tmp_path / "out.txt")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert read_record(path) == record()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b""),
        ("a.txt", b"a text of somebody else"),
        ("a.txt", b"aigc: "),
        ("a.txt", b"aigc: {}"),
        ("a.txt", b"aigc: [1]"),
        ("a.txt", b"\xff\xfe\x00"),
        ("a.txt", b"x" * (LONGEST_TEXT + 1)),
        ("a.json", b""),
        ("a.json", b"[]"),
        ("a.json", b"3"),
        ("a.json", b'{"aigc": 3}'),
        ("a.json", b'{"text": ""}'),
        ("a.json", b"[" * 100_000),
        ("missing.txt", None),
    ],
)
def test_a_file_without_a_record_is_refused(name: str, content: bytes | None, tmp_path: Path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        read_record(tmp_path / name)
    assert "记录" in caught.value.text.zh
    assert caught.value.__suppress_context__


def test_the_digest_is_of_the_text_and_the_record():
    assert artifact().digest() == artifact(created="later", seconds=2.0).digest()
    others = [artifact("another"), artifact(seed=8), artifact(revision="1" * 40)]
    assert len({artifact().digest(), *(other.digest() for other in others)}) == 4


def test_a_text_has_values_but_no_pixels():
    assert bytes(values(Writing("灯"))) == "灯".encode()
    with pytest.raises(TypeError, match="no pixels"):
        pixels(Writing("a"))


def test_exports_go_by_their_ending(tmp_path: Path):
    two = [artifact("one"), artifact("two", seed=8)]
    assert file_name(two[0]) == "qwen3-0.6b-000007.txt"
    assert file_names([two[0]] * 2) == ["qwen3-0.6b-000007-000.txt", "qwen3-0.6b-000007-001.txt"]
    files = write(two, tmp_path / "folder")
    assert [file.name for file in files] == ["qwen3-0.6b-000007.txt", "qwen3-0.6b-000008.txt"]
    assert [read_record(file).seed for file in files] == [7, 8]
    for name in ("one.txt", "one.json"):
        assert write(two[:1], tmp_path / name) == [tmp_path / name]
        assert read_record(tmp_path / name).seed == 7
    (pack,) = write(two, tmp_path / "all.zip")
    with zipfile.ZipFile(pack) as archive:
        assert archive.read("qwen3-0.6b-000008.txt").startswith(b"two\n")


@pytest.mark.parametrize("name", ["out.png", "out.gif", "out.pdf", "both.txt"])
def test_what_does_not_fit_into_a_file_is_refused(name: str, tmp_path: Path):
    count = 2 if name == "both.txt" else 1
    with pytest.raises(InvalidRequest):
        write([artifact()] * count, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_picture_is_no_text(tmp_path: Path):
    import numpy as np

    picture = Artifact(Image(np.zeros((2, 2), np.uint8)), record())
    with pytest.raises(InvalidRequest):
        write([picture], tmp_path / "out.txt")
