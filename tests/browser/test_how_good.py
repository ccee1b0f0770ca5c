import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.image.columns import NOTHING
from apps.ui.runs import STOPPED

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
PATIENCE = 90_000


def open_demo(visit: Visit, **settings: Any) -> Any:
    page = visit("image?demo=quality", **settings)
    page.set_default_timeout(PATIENCE)
    page.locator("#measured table").wait_for()
    page.locator("#measured thead img").first.wait_for()
    return page


def choose(page: Any, text: str) -> None:
    page.locator(".controls:visible .chips").get_by_text(text, exact=True).click()


def columns(page: Any) -> int:
    return int(page.locator("#measured thead th").count()) - 1


def test_one_visit(visit: Visit, tmp_path: Path) -> None:
    page = open_demo(visit)
    # A whole result from the cards, before anything is asked.
    assert page.locator("#measured tbody td b").count() > 10
    assert "5,000" in page.locator("#measured thead").inner_text()
    box = page.locator("#measure-go").bounding_box()
    assert box["y"] + box["height"] <= 720
    dots = page.locator("#measure-curve circle.dot")
    assert dots.count() > 0

    # One measured live: a column of its own, and the floor of its size.
    before, marked = columns(page), dots.count()
    choose(page, "200")
    choose(page, "blur")
    page.locator("#measure-go").click()
    page.locator("#measured thead", has_text="blur, n = 200").wait_for()
    assert columns(page) == before + 2
    assert dots.count() == marked + 1
    assert page.locator("#measured em.noticed").count() > 0
    assert page.locator("#measured thead img").count() >= 2
    with page.expect_download() as download:
        page.locator("#measure-save").click()
    download.value.save_as(tmp_path / "figures.json")
    told = json.loads((tmp_path / "figures.json").read_text())
    assert (told["damage"], told["count"]) == ("blur", 200)

    # Stopped, it leaves what is there.
    choose(page, "5,000")
    page.locator("#measure-go").click()
    page.locator("#measure-status .status", has_text="/").wait_for()
    page.locator("#measure-stop").click()
    page.locator("#measure-status", has_text=STOPPED.en).wait_for()
    assert columns(page) == before + 2

    page.locator("#measure-clear").click()
    page.locator("#measured", has_text=NOTHING.en).wait_for()
    assert dots.count() == 0


def test_in_chinese_and_on_a_phone(visit: Visit) -> None:
    page = open_demo(visit, locale="zh-CN")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("() => document.documentElement.clientWidth === 390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#measured .en:visible").count() == 0
    table, button = (
        page.locator(name).bounding_box() for name in ("#measured table", "#measure-go")
    )
    assert table["y"] < button["y"]
