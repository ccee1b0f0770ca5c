import re
from collections.abc import Callable
from typing import Any

import pytest

from apps.text.attention import ATTENTION
from apps.text.token_by_token import TOKENS
from tests.reading_room import small_engine, suite, url  # noqa: F401

pytestmark = pytest.mark.browser

DEMOS = (TOKENS, ATTENTION)
Visit = Callable[..., Any]
PATIENCE = 60_000

PANE = "#attention-0"


def open_demo(visit: Visit, **settings: Any) -> Any:
    page = visit("?demo=attention", **settings)
    page.set_default_timeout(PATIENCE)
    page.wait_for_selector(f"{PANE} .map[aria-pressed=true]")
    return page


def reads(page: Any) -> str:
    return str(page.locator(f"{PANE} [data-reads]").inner_text())


def dark(page: Any, selector: str) -> int:
    """How much is drawn on a canvas: the sum of its opacities."""
    return int(
        page.evaluate(
            """(selector) => {
            const canvas = document.querySelector(selector);
            const all = [0, 0, canvas.width, canvas.height];
            const drawn = canvas.getContext("2d").getImageData(...all).data;
            return drawn.reduce((sum, value, at) => at % 4 === 3 ? sum + value : sum, 0);
        }""",
            selector,
        )
    )


def test_one_visit(visit: Visit) -> None:
    page = open_demo(visit)
    # Six heads, the chosen one large, and what comes next: on the first screen.
    assert page.locator(f"{PANE} .map").count() == 6
    assert page.locator(f"{PANE} [data-map]").bounding_box()["y"] < 500
    assert page.locator(f"{PANE} .odds tbody tr").last.bounding_box()["y"] < 720
    assert dark(page, f"{PANE} .map canvas") > 0
    assert dark(page, f"{PANE} [data-map]") > 0

    # A token says where it looks, and its places are tinted by it.
    page.locator(f"{PANE} .token").nth(3).hover()
    assert re.fullmatch(r"Head \d\.\d: “.+” looks at (“.+” [\d.]+(, )?)+", reads(page))
    titles = [t.get_attribute("title") for t in page.locator(f"{PANE} .token").all()]
    assert sum(map(float, titles[:4])) == pytest.approx(1, abs=0.03)
    assert set(titles[4:]) == {""}

    # Another head.
    page.locator(f"{PANE} [data-head='1.2']").click()
    assert reads(page).startswith("Head 1.2:")
    assert page.locator(f"{PANE} [data-name] b").inner_text() == "Head 1.2"
    assert page.locator(f"{PANE} td.q").first.is_hidden()

    # Off, and on again.
    page.locator(f"{PANE} [data-toggle]").click()
    page.wait_for_selector(f"{PANE} [data-toggle][aria-pressed=true]")
    assert page.locator(f"{PANE} .heads .off").count() == 1
    said = page.locator(f"{PANE} .said").first.inner_text()
    found = re.match(r"Without 1\.2, the prediction changes by ([\d.]+) nats", said)
    assert found
    assert float(found[1]) > 0
    assert page.locator(f"{PANE} td.q").first.is_visible()
    page.locator(f"{PANE} [data-all]").click()
    page.wait_for_selector(f"{PANE} [data-toggle][aria-pressed=false]")

    # Which heads matter: three are named, in the order of their figures, and off by one click.
    page.locator("#attention-rank").click()
    page.wait_for_selector(f"{PANE} [data-three]")
    figures = [float(f) for f in page.locator(f"{PANE} .heads small").all_inner_texts()]
    named = re.findall(r"(\d\.\d) \(([\d.]+)\)", page.locator(f"{PANE} .ranked").inner_text())
    assert len(figures) == 6
    assert [float(nats) for _, nats in named] == pytest.approx(
        sorted(figures, reverse=True)[:3], abs=0.006
    )
    page.locator(f"{PANE} [data-three]").click()
    page.wait_for_selector(f"{PANE} [data-all]")
    assert page.locator(f"{PANE} .heads .off").count() == 3

    # Another text begins with all heads on.
    page.locator("#attention-text textarea").fill("not to be <b>or</b> to be")
    page.locator("#attention-go").click()
    page.wait_for_function(
        "(pane) => document.querySelector(`${pane} [data-line]`).innerText.startsWith('not')",
        arg=PANE,
    )
    assert page.locator(f"{PANE} .heads .off").count() == 0
    assert page.locator(f"{PANE} .token b").count() == 0


def test_by_keyboard_in_the_dark(visit: Visit) -> None:
    page = open_demo(visit)
    before = dark(page, f"{PANE} .map canvas")
    page.locator(f"{PANE} .map[aria-pressed=true]").focus()
    at = page.evaluate("document.activeElement.dataset.head")
    page.keyboard.press("ArrowLeft" if at.endswith(".2") else "ArrowRight")
    now = page.evaluate("document.activeElement.dataset.head")
    assert now != at
    assert reads(page).startswith(f"Head {now}:")
    page.locator(f"{PANE} .token[tabindex='0']").focus()
    told = reads(page)
    page.keyboard.press("ArrowLeft")
    assert reads(page) != told
    # The ink is light on a dark page: as much of it, of another colour.
    page.locator("[data-shade]").first.click()
    page.wait_for_function(
        """(selector) => {
            const canvas = document.querySelector(selector);
            const pixels = canvas.getContext("2d").getImageData(0, 0, 1, 1).data;
            return pixels[0] > 200;
        }""",
        arg=f"{PANE} .map canvas",
    )
    assert dark(page, f"{PANE} .map canvas") == before


def test_in_chinese_and_on_a_phone(visit: Visit) -> None:
    page = open_demo(visit, locale="zh-CN", size=(390, 844))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#demo-attention .en:visible").count() == 0
    assert reads(page).startswith("头 ")
