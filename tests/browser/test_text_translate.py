"""Translate in a browser: the language is guessed, the alignment shown, and nothing overflows."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.text.translating import TRANSLATE
from tests.instructed import small_engine  # noqa: F401
from tests.reading_room import suite, url  # noqa: F401

pytest_plugins = ("tests.downloaded",)
pytestmark = pytest.mark.browser
DEMOS = (TRANSLATE,)
Visit = Callable[..., Any]
PATIENCE = 60_000
INTO = "to => document.querySelector('#translate-to input:checked')?.value === to"


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_a_translation_and_where_it_looked(visit: Visit, size: tuple[int, int]) -> None:
    page = visit("", size=size)
    page.set_default_timeout(PATIENCE)
    box = page.locator("#translate-text textarea")
    box.wait_for()
    box.press_sequentially("!国王死了")
    page.wait_for_function(INTO, arg="en")
    box.fill("The king is dead.")
    page.wait_for_function(INTO, arg="zh")
    page.locator("#translate-go").click()
    page.locator("#alignment td").first.wait_for()
    assert page.locator("#translate a[download]").count() == 2

    # Another head looks elsewhere.
    before = page.locator("#alignment").inner_html()
    page.locator("#alignment-head label").last.click()
    page.wait_for_function(
        "before => document.querySelector('#alignment').innerHTML !== before", arg=before
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
