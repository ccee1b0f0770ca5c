import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from forged import claiming, picture
from PIL import Image as Pillow
from visiting import Client

from aigc_core import default_engine
from aigc_core.artifact import Artifact
from aigc_core.tasks.image import InterpolateImages, SampleImages
from apps.ui.history import KEPT, listed, remember, thumbnails


@pytest.fixture(scope="module")
def run() -> tuple[Artifact, ...]:
    return default_engine().result(SampleImages(count=20, seed=5)).artifacts


@pytest.fixture(scope="module")
def item(run: tuple[Artifact, ...]) -> dict[str, Any]:
    (made,) = remember(run, [])
    return made


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_run_is_kept_with_its_record_and_a_small_picture(
    run: tuple[Artifact, ...], item: dict[str, Any]
) -> None:
    assert item["record"] == run[0].record.model_dump()
    small = Pillow.open(io.BytesIO(base64.b64decode(item["picture"])))
    assert small.size == (4 * 28, 4 * 28)
    assert len(item["picture"]) < 10_000


@pytest.mark.parametrize(("count", "size"), [(1, (28, 28)), (3, (56, 56)), (5, (112, 56))])
def test_small_runs_have_small_sheets(
    run: tuple[Artifact, ...], count: int, size: tuple[int, int]
) -> None:
    (kept,) = remember(run[:count], [])
    assert Pillow.open(io.BytesIO(base64.b64decode(kept["picture"]))).size == size


def test_the_last_24_are_kept_newest_first(run: tuple[Artifact, ...]) -> None:
    assert KEPT == 24
    kept: Any = []
    for place in range(KEPT + 6):
        kept = remember((run[place % len(run)],), kept)
    assert len(kept) == KEPT
    assert [item["record"]["seed"] for item in kept[:2]] == [5 + 29 % 20, 5 + 28 % 20]


def test_nothing_made_is_nothing_new(item: dict[str, Any]) -> None:
    assert remember((), [item]) == [item]


def test_thumbnails_are_decoded_pictures_with_model_and_seed(item: dict[str, Any]) -> None:
    ((small, caption),) = thumbnails([item])
    assert small.size == (112, 112)
    assert caption == "dcgan-mnist · 5"


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
    assert len(thumbnails([*garbage[-2:], item])) == 1


@pytest.mark.parametrize("kept", [None, 3, "x" * 10_000, {"record": 1}, [[]]])
def test_a_state_that_is_no_list_is_empty(kept: Any, run: tuple[Artifact, ...]) -> None:
    assert thumbnails(kept) == []
    assert len(remember(run, kept)) == 1


def test_no_more_than_24_are_looked_at(item: dict[str, Any]) -> None:
    assert len(thumbnails([item] * 10_000)) == KEPT


@pytest.mark.usefixtures("quiet")
class TestServed:
    """The page's own events, called by a visitor who sends what they like."""

    def test_garbage_leaves_the_page_whole(
        self, visitor: Callable[..., Client], item: dict[str, Any]
    ) -> None:
        bad = {**item, "picture": coded(b"no picture")}
        gallery = visitor().outcome("thumbnails", [[bad, item, 7]])["data"][0]
        assert [entry["caption"] for entry in gallery] == ["dcgan-mnist · 5"]

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
        assert "another demo" in said
        unknown = {**item, "record": {**item["record"], "task": "<b>"}}
        said = visitor().outcome("recall", [[unknown]], event_data=choice)["error"]
        assert "There is no task called “‹b›”." in said
