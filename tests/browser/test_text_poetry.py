"""Poetry in a browser: an example, a poem with its acrostic in red, and the nearest poems."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.text.poetry import POETRY
from tests.instructed import small_engine  # noqa: F401
from tests.reading_room import suite, url  # noqa: F401

pytest_plugins = ("tests.downloaded",)
pytestmark = pytest.mark.browser
DEMOS = (POETRY,)
Visit = Callable[..., Any]
PATIENCE = 60_000


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_an_acrostic(visit: Visit, size: tuple[int, int]) -> None:
    page = visit("", size=size)
    page.set_default_timeout(PATIENCE)
    heads = page.locator("#heads input, #heads textarea")
    heads.wait_for()
    page.get_by_text("春·江·花·月").click()
    page.wait_for_function(
        "() => document.querySelector('#heads :is(input, textarea)').value === '春江花月'"
    )
    heads.fill("明花")
    page.locator("#poetry-go").click()
    page.locator("#poetry .verse mark").first.wait_for()
    assert page.locator("#poetry .verse mark").all_inner_texts() == ["明", "花"]
    page.locator("#nearest figure, #nearest .lede, #nearest p").first.wait_for()
    columns = page.locator("#poetry .verse").first.locator("span")
    assert columns.count() == 4
    # The first line stands at the right.
    left = [columns.nth(place).bounding_box()["x"] for place in range(4)]
    assert left == sorted(left, reverse=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
