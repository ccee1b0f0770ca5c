import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_core import default_engine
from aigc_core.artifact import read_record
from aigc_core.data import mnist
from aigc_core.studies.side_by_side import candidates
from aigc_core.tasks.image import SampleImages

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
PATIENCE = 60_000


@pytest.fixture(scope="module", autouse=True)
def real_digits() -> None:
    if not mnist.is_here("test"):
        pytest.skip("MNIST is not on this machine")


def open_demo(visit: Visit, **settings: Any) -> Any:
    page = visit("image?demo=compare", **settings)
    page.set_default_timeout(PATIENCE)
    page.wait_for_function(
        "count => document.querySelectorAll('#compare .pane img').length === count",
        arg=len(working()),
    )
    page.wait_for_function("() => !document.querySelector('#compare-status .status')")
    return page


def working() -> list[str]:
    """The models that can draw here."""
    engine = default_engine()
    return [entry.id for entry in candidates(engine) if engine.problem(entry) is None]


def pictures(page: Any) -> list[str]:
    return page.evaluate(
        "() => [...document.querySelectorAll('#compare .pane img')].map(i => i.src)"
    )


def draw(page: Any) -> None:
    before = pictures(page)
    page.locator("#compare-draw").click()
    page.wait_for_function(
        """before => {
            const now = [...document.querySelectorAll("#compare .pane img")].map((i) => i.src);
            return now.length === before.length && now.every((src) => !before.includes(src))
                && !document.querySelector("#compare-status .status");
        }""",
        arg=before,
    )


def test_who_asks_during_the_first_drawing_gets_what_they_ask(visit: Visit) -> None:
    page = visit("image?demo=compare")
    page.set_default_timeout(PATIENCE)
    page.locator("#demo-compare input[type=number]").first.fill("4")
    page.keyboard.press("Tab")
    page.locator("#compare-draw").click()
    page.wait_for_function(
        """count => {
            const drawn = [...document.querySelectorAll("#compare .pane img")];
            return drawn.length === count && drawn.every((img) => img.naturalHeight === 28)
                && !document.querySelector("#compare-status .status");
        }""",
        arg=len(working()),
    )


def test_one_visit(visit: Visit, tmp_path: Path) -> None:
    page = open_demo(visit)
    box = page.locator("#compare-draw").bounding_box()
    assert box["y"] + box["height"] <= 720
    assert page.locator("#compare .pane img").first.bounding_box()["y"] < 400

    # New digits, in every pane.
    draw(page)

    # Each pane's own file, and all in one, carry the records.
    with page.expect_download() as download:
        page.locator("#compare .pane a[download]").first.click()
    one = tmp_path / download.value.suggested_filename
    download.value.save_as(one)
    seed = read_record(one).seed
    with page.expect_download() as download:
        page.locator("#compare-save").click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        archive.extractall(tmp_path)
        names = archive.namelist()
    records = [read_record(tmp_path / name) for name in names]
    assert [record.model for record in records] == working()
    assert {record.seed for record in records} == {seed}
    assert {SampleImages(**record.request).count for record in records} == {30}

    # The card's table unfolds.
    assert not page.locator("#compare table").first.is_visible()
    page.locator("#compare summary").first.click()
    assert page.locator("#compare table").first.is_visible()

    # Only what is chosen.
    real = default_engine().catalog.data(SampleImages)[0]
    page.locator("#compare-models label", has_text=real.name.en).click()
    page.wait_for_function(
        "count => document.querySelectorAll('#compare .pane').length === count",
        arg=len(candidates(default_engine())) - 1,
    )
    assert real.short.en not in page.locator("#compare figcaption").all_inner_texts()


def test_in_chinese_and_on_a_phone(visit: Visit) -> None:
    page = open_demo(visit, locale="zh-CN")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("() => document.documentElement.clientWidth === 390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#compare .en:visible").count() == 0
    result, button = (
        page.locator(name).first.bounding_box() for name in ("#compare .pane img", "#compare-draw")
    )
    assert result["y"] < button["y"]
