import asyncio
import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image as Pillow

from aigc_core import default_engine
from aigc_core.artifact import Artifact, contact_sheet
from aigc_core.media import Image, pixels
from aigc_core.tasks.image import InterpolateImages, SampleImages
from apps.ui.history import KEPT, THUMB, listed, remembered, thumbnails
from tests.apps.forged import claiming, picture
from tests.apps.visiting import Client


@pytest.fixture(scope="module")
def sheet() -> Artifact:
    run = default_engine().result(SampleImages(count=20, seed=5)).artifacts
    return contact_sheet(run, 5)


@pytest.fixture(scope="module")
def file(sheet: Artifact, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(sheet.save(tmp_path_factory.mktemp("kept") / "sheet.png"))


@pytest.fixture(scope="module")
def item(sheet: Artifact, file: str) -> dict[str, Any]:
    (made,) = remembered(sheet.record.model_dump(), file, [])
    return made


def shown(kept: Any) -> list[tuple[Any, str]]:
    return asyncio.run(thumbnails(kept, gr.Request(headers={"accept-language": "en"})))


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_run_is_kept_with_its_record_and_the_corner_of_its_sheet(
    sheet: Artifact, item: dict[str, Any]
) -> None:
    assert item["record"] == sheet.record.model_dump()
    small = Pillow.open(io.BytesIO(base64.b64decode(item["picture"])))
    assert np.array_equal(np.asarray(small), pixels(sheet.media)[:THUMB, :THUMB])
    assert len(item["picture"]) < 10_000


def test_a_small_sheet_is_kept_whole(sheet: Artifact, tmp_path: Path) -> None:
    one = Artifact(Image(pixels(sheet.media)[:28, :28]), sheet.record)
    (kept,) = remembered(sheet.record.model_dump(), str(one.save(tmp_path / "one.png")), [])
    assert Pillow.open(io.BytesIO(base64.b64decode(kept["picture"]))).size == (28, 28)


def test_the_last_24_are_kept_newest_first(sheet: Artifact, file: str) -> None:
    assert KEPT == 24
    kept: Any = []
    for seed in range(KEPT + 6):
        kept = remembered({**sheet.record.model_dump(), "seed": seed}, file, kept)
    assert [item["record"]["seed"] for item in kept] == list(range(KEPT + 5, 5, -1))


def test_thumbnails_are_decoded_pictures_with_what_was_asked(item: dict[str, Any]) -> None:
    ((small, caption),) = shown([item])
    assert small.size == (112, 112)
    assert caption == "20 x 0–9, 5"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_a_visitor_put_there_is_passed_over(item: dict[str, Any]) -> None:
    garbage: list[Any] = [
        1,
        None,
        "text",
        [],
        {},
        {"record": item["record"]},
        {"picture": item["picture"]},
        {**item, "record": {"task": 1}},
        {**item, "record": None},
        {**item, "record": {**item["record"], "extra": 1}},
        {**item, "picture": None},
        {**item, "picture": "not base64!"},
        {**item, "picture": "数"},
        {**item, "picture": coded(b"no picture")},
        {**item, "picture": item["picture"][:400]},
        {**item, "picture": coded(picture("GIF"))},
        {**item, "picture": coded(claiming(13_000, 13_000))},
        {**item, "picture": coded(claiming(20_000, 20_000))},
        {**item, "picture": coded(claiming(100_000, 1))},
    ]
    assert listed([*garbage, item]) == [item]
    assert len(shown([*garbage[-2:], item])) == 1


@pytest.mark.parametrize("kept", [None, 3, "x" * 10_000, {"record": 1}, [[]]])
def test_a_state_that_is_no_list_is_empty(kept: Any, sheet: Artifact, file: str) -> None:
    assert shown(kept) == []
    assert len(remembered(sheet.record.model_dump(), file, kept)) == 1


def test_no_more_than_24_are_looked_at(item: dict[str, Any]) -> None:
    assert len(shown([item] * 10_000)) == KEPT


@pytest.mark.usefixtures("quiet")
class TestServed:
    """The page's own events, called by a visitor who sends what they like."""

    def test_garbage_leaves_the_page_whole(
        self, visitor: Callable[..., Client], item: dict[str, Any]
    ) -> None:
        bad = {**item, "picture": coded(b"no picture")}
        gallery = visitor().outcome("thumbnails", [[bad, item, 7]])["data"][0]
        assert [entry["caption"] for entry in gallery] == ["20 x 0–9, 5"]

    def test_a_choice_gives_its_settings_back(
        self, visitor: Callable[..., Client], item: dict[str, Any]
    ) -> None:
        answer = visitor().outcome("recall", [[item]], event_data={"index": 0, "value": None})
        assert answer["data"] == ["each", 20, 5, 1, "dcgan-mnist"]

    @pytest.mark.parametrize("index", [1, -1, 10**9, "x", [0], None])
    def test_a_choice_of_nothing_is_refused(
        self, visitor: Callable[..., Client], item: dict[str, Any], index: Any
    ) -> None:
        choice = {"index": index, "value": None}
        answer = visitor("zh-CN").outcome("recall", [[item]], event_data=choice)
        assert answer["error"] == "这次运行已不在记录中。"

    def test_a_run_that_cannot_be_any_more_says_why(
        self, visitor: Callable[..., Client], item: dict[str, Any]
    ) -> None:
        choice = {"index": 0, "value": None}
        odd = {**item, "record": {**item["record"], "request": {"count": 10**9}}}
        said = visitor().outcome("recall", [[odd]], event_data=choice)["error"]
        assert said == "How many must be a whole number from 1 to 100; “1000000000” is not."
        other = {**item, "record": {**item["record"], "task": InterpolateImages.task}}
        said = visitor().outcome("recall", [[other]], event_data=choice)["error"]
        assert "Only sheets of pictures" in said
        unknown = {**item, "record": {**item["record"], "task": "<b>"}}
        said = visitor().outcome("recall", [[unknown]], event_data=choice)["error"]
        assert "There is no task called “‹b›”." in said
