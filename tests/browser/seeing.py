"""What the tests of several pages do with a page."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image as Pillow

from tests.waiting import until


def pixels_shown(page: Any, selector: str) -> np.ndarray:
    """The first picture (h, w) that a page holds in itself there, as integers from 0 to 255."""
    source = page.locator(selector).first.get_attribute("src")
    with Pillow.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as found:
        return np.asarray(found.convert("L")).astype(int)


def drawn(page: Any, before: str, model: str = "dcgan-mnist") -> None:
    """Waits until another finished sheet, of the model, is on show, with its time below."""
    page.wait_for_function(
        """([before, drawn]) => {
            const picture = document.querySelector("#result img");
            return picture && picture.src !== before && new RegExp(drawn).test(picture.src)
                && picture.complete && / ms/.test(document.querySelector("#facts").innerText);
        }""",
        arg=[before, rf"/{model}-\d+\.png"],
    )


def draw(page: Any, model: str = "dcgan-mnist") -> None:
    """Draws digits with the model that is chosen."""
    before = page.locator("#result img").get_attribute("src")
    page.locator("#draw").click()
    drawn(page, before, model)


def type_number(page: Any, field: Any, number: float) -> None:
    """Types a number; for a moment after a fold has opened its fields are still being written."""

    def stays() -> bool:
        field.fill(str(number))
        field.press("Tab")
        page.wait_for_timeout(300)
        return bool(field.input_value() == str(number))

    until(stays)
