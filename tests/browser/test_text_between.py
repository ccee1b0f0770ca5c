"""Between two lines in a browser: an example is walked, its first line at the right."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.apps.test_text_between import DEMOS, small_engine  # noqa: F401
from tests.families.test_text_vae import FIVE, SEVEN
from tests.reading_room import suite, url  # noqa: F401

pytestmark = pytest.mark.browser
Visit = Callable[..., Any]
PATIENCE = 60_000


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_a_walk(visit: Visit, size: tuple[int, int]) -> None:
    page = visit("", size=size)
    page.set_default_timeout(PATIENCE)
    boxes = page.locator(".controls input[type=text], .controls textarea")
    boxes.first.wait_for()
    boxes.nth(0).fill(FIVE)
    boxes.nth(1).fill(SEVEN)
    page.locator("#between-go").click()
    page.locator("#between a[download]").wait_for()
    columns = page.locator("#between .verse span")
    assert columns.count() == 9
    assert len(columns.first.inner_text()) == 5
    right = columns.first.bounding_box()
    scroll = page.locator("#between .scroll").bounding_box()
    # It is seen without scrolling, also where not all lines have room.
    assert right["x"] + right["width"] <= scroll["x"] + scroll["width"] + 1
    assert page.locator("#verses .verses").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
