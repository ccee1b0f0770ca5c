import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_core import default_engine
from aigc_core.artifact import Record, contact_sheet
from aigc_core.errors import AigcError, InvalidRequest, UnreadableFile
from aigc_core.tasks.image import InterpolateImages, SampleImages, TraceImage
from apps.ui.restore import settings_of
from tests.apps.forged import bomb, claiming, gif, picture, with_record
from tests.apps.visiting import Client

REQUEST = SampleImages(label="7", count=6, seed=42, truncation=0.5)
NO_RECORD = "does not carry the record"
PICTURE = "This is not a picture that we read: PNG, GIF."


@pytest.fixture(scope="module")
def record() -> Record:
    return default_engine().result(REQUEST).artifacts[0].record


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A picture as the page saves it."""
    sheet = contact_sheet(default_engine().result(REQUEST).artifacts, REQUEST.columns)
    return sheet.save(tmp_path_factory.mktemp("saved") / "digits.png").read_bytes()


def test_settings_are_the_request_in_order_and_the_model(record: Record) -> None:
    assert settings_of(record) == ["7", 6, 42, 0.5, "dcgan-mnist"]


@pytest.mark.parametrize("request_type", [InterpolateImages, TraceImage])
def test_a_picture_of_another_demo_says_so(
    record: Record, request_type: type[InterpolateImages | TraceImage]
) -> None:
    other = record.model_copy(update={"task": request_type.task, "request": {}})
    with pytest.raises(UnreadableFile) as refused:
        settings_of(other)
    assert request_type.title.en in refused.value.text.en
    assert request_type.title.zh in refused.value.text.zh


def test_a_forged_record_is_validated(record: Record) -> None:
    for request in ({"count": 10**9}, {"seed": "abc"}, {"label": "<b>"}, {"self": 1}, {"": 1}):
        with pytest.raises(InvalidRequest):
            settings_of(record.model_copy(update={"request": request}))
    with pytest.raises(AigcError):
        settings_of(record.model_copy(update={"task": "no-such-task"}))


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

HOSTILE = {
    "huge": ("huge.png", claiming(20_000, 20_000), "too large"),
    "large": ("large.png", claiming(5_000, 5_000), "too large (5000 x 5000 pixels)"),
    "truncated": ("cut.png", picture("PNG", (400, 400))[:90], "damaged or cut off"),
    "text bomb": ("text.png", bomb(), ""),
    "svg as png": ("a.png", SVG, PICTURE),
    "svg": ("a.svg", SVG, PICTURE),
    "gif of 400 frames": ("many.gif", gif(400), NO_RECORD),
    "empty": ("empty.png", b"", "This file is empty."),
    "eps": ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", PICTURE),
    "pdf": ("a.pdf", b"%PDF-1.7\n", PICTURE),
    "jpeg": ("a.jpg", picture("JPEG"), PICTURE),
    "no record": ("plain.png", picture("PNG"), NO_RECORD),
    "empty record": ("a.png", with_record("{}"), NO_RECORD),
    "record of text": ("a.png", with_record("<script>"), NO_RECORD),
    "nested record": ("a.png", with_record("[" * 50_000), NO_RECORD),
}


@pytest.mark.usefixtures("quiet")
class TestServed:
    """A file on its way from a browser."""

    def test_a_saved_picture_gives_its_settings_back(
        self, visitor: Callable[..., Client], saved: bytes
    ) -> None:
        client = visitor()
        answer = client.outcome("restored", [client.upload("digits.png", saved)])
        assert answer["data"] == ["7", 6, 42, 0.5, "dcgan-mnist"]

    @pytest.mark.parametrize("case", HOSTILE)
    def test_a_hostile_file_is_refused_in_a_sentence(
        self, visitor: Callable[..., Client], case: str
    ) -> None:
        name, content, sentence = HOSTILE[case]
        client = visitor()
        said = client.outcome("restored", [client.upload(name, content)])["error"]
        assert sentence in said
        assert "broke" not in said

    def test_refusals_are_said_in_chinese(self, visitor: Callable[..., Client]) -> None:
        client = visitor("zh-CN")
        answer = client.outcome("restored", [client.upload("empty.png", b"")])
        assert answer["error"] == "此文件为空。"

    def test_a_forged_record_is_refused(
        self, visitor: Callable[..., Client], record: Record
    ) -> None:
        forged = record.model_copy(update={"request": {"count": 10**9}})
        client = visitor()
        file = client.upload("a.png", with_record(forged.model_dump_json()))
        assert "from 1 to 100" in client.outcome("restored", [file])["error"]

    def test_markup_in_a_record_is_shown_as_text(
        self, visitor: Callable[..., Client], record: Record
    ) -> None:
        forged = record.model_copy(update={"task": "<img src=x onerror=alert(1)>"})
        client = visitor()
        file = client.upload("a.png", with_record(forged.model_dump_json()))
        assert "<" not in client.outcome("restored", [file])["error"]

    def test_nothing_chosen(self, visitor: Callable[..., Client]) -> None:
        assert visitor().outcome("restored", [None])["error"] == "No file came."

    def test_a_file_over_the_limit_does_not_come_in(self, visitor: Callable[..., Client]) -> None:
        client = visitor()
        answer = client.http.post(
            f"{client.api}upload", files={"files": ("big.png", b"\0" * 21_000_000)}
        )
        assert answer.status_code == 413

    @pytest.mark.parametrize(
        "name", ["../../up.png", "..\\..\\up.png", "/etc/up.png", "a\0b.png", "x" * 300 + ".png"]
    )
    def test_a_name_leads_to_no_other_folder(
        self, visitor: Callable[..., Client], name: str, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        file = visitor().upload(name, b"content of a test")
        path = Path(file["path"])
        home = tmp_path_factory.getbasetemp()
        assert path.resolve().is_relative_to(home)
        assert path.read_bytes() == b"content of a test"
        assert not [found for found in home.rglob("*up.png") if found.parent.parent == home]


def test_files_of_the_server_are_not_read(visitor: Callable[..., Client]) -> None:
    for more in ({}, {"meta": {"_type": "gradio.FileData"}}):
        answer = visitor().outcome("restored", [{"path": "/etc/passwd", **more}])
        assert "data" not in answer
        assert "root:" not in json.dumps(answer)
