"""What the page of digits asks for where a model knows no classes."""

from collections.abc import Callable
from typing import Any

import pytest

from aigc_core import default_engine
from aigc_core.tasks.image import SampleImages
from tests.browser.seeing import draw
from tests.waiting import until

pytestmark = pytest.mark.browser


def chips(page: Any) -> list[bool]:
    """Whether the digit can be chosen: for the sheet, the layers, and the walk."""
    demo = page.locator("#demo-digits")
    found = [demo.locator(".controls .chips:visible").count() > 0]
    for place in (0, 1):
        demo.get_by_role("tab").nth(place).click()
        found.append(demo.locator(".choices .chips:visible").count() > 0)
    return found


def choose(page: Any, name: str) -> None:
    page.locator("#model input").click()
    page.get_by_role("option", name=name, exact=True).click()


def test_the_digit_is_asked_for_where_the_model_knows_digits(visit: Callable[..., Any]) -> None:
    models = default_engine().models(SampleImages)
    told = models[0]
    untold = next((m for m in models if not m.conditional), None)
    if untold is None or not told.conditional:
        pytest.skip("all models here are of one kind")
    page = visit("image")
    page.locator("#growth img").first.wait_for()
    assert chips(page) == [True, True, True]
    choose(page, untold.name.en)
    page.locator("#demo-digits .controls .chips").wait_for(state="hidden")
    draw(page, untold.id)
    # The layers follow once the sheet is on show.
    until(lambda: chips(page) == [False, False, False])
    choose(page, told.name.en)
    page.locator("#demo-digits .controls .chips").wait_for()
    # The layers are still those of the sheet on show.
    assert chips(page) == [True, False, True]
    draw(page, told.id)
    until(lambda: chips(page) == [True, True, True])
