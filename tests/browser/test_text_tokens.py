from collections.abc import Callable
from typing import Any

import pytest

from apps.text.attention import ATTENTION
from apps.text.token_by_token import TOKENS
from tests.reading_room import AWAY, SECOND, small_engine, suite, url  # noqa: F401

pytestmark = pytest.mark.browser

# Two, so that they are tabs.
DEMOS = (TOKENS, ATTENTION)
Visit = Callable[..., Any]
PATIENCE = 60_000

STEP = "#tokens-0 [data-step]"


def open_demo(visit: Visit, query: str = "", **settings: Any) -> Any:
    page = visit(f"?demo=tokens{query}", **settings)
    page.set_default_timeout(PATIENCE)
    page.wait_for_selector(f"{STEP} tbody tr.drawn")
    return page


def tokens(page: Any) -> list[str]:
    """The tokens of the first pane, as they are shown."""
    return page.locator("#tokens-0 .token").all_inner_texts()


def column(page: Any, kind: str) -> list[str]:
    return page.locator(f"{STEP} td.{kind}").all_inner_texts()


def until(page: Any, change: str, before: Any) -> None:
    """Waits for another column or other tokens than before, once all are there."""
    page.wait_for_function(
        """([where, before]) => {
            const now = [...document.querySelectorAll(where)].map((one) => one.innerText);
            return now.length && JSON.stringify(now) !== JSON.stringify(before)
                && !document.querySelector("#tokens-0 .cursor");
        }""",
        arg=[change, before],
    )


def test_one_visit(visit: Visit) -> None:
    page = open_demo(visit)
    # What was written is there without a click, and all of it on the first screen.
    first = tokens(page)
    assert len(first) == 48
    assert page.locator(f"{STEP} tbody tr").last.bounding_box()["y"] < 720
    assert page.locator("#tokens-1 .pane").is_hidden()
    assert AWAY in page.locator("#demo-tokens").inner_text()
    # A token tells its entropy without colour, too.
    label = page.locator("#tokens-0 .token").nth(5).get_attribute("aria-label")
    assert label.startswith(f"{first[5]}: ")
    assert label.endswith(" nats")

    # Another candidate at the sixth place: what is before stays, what is after is new.
    page.locator("#tokens-0 .token").nth(5).click()
    assert page.locator(f"{STEP} .step").inner_text().startswith("Token 6 of 48")
    assert page.locator(f"{STEP} tr.drawn button").inner_text() == first[5]
    other = page.locator(f"{STEP} tbody tr:not(.drawn) button").first
    name = other.inner_text()
    other.click()
    until(page, "#tokens-0 .token", first)
    branch = tokens(page)
    assert branch[:6] == [*first[:5], name]
    assert page.locator("#tokens-0 .token.picked").all_inner_texts() == [name]

    # Temperature reshapes q and leaves p and the text alone.
    p, q = column(page, "p"), column(page, "q")
    page.locator("#tokens-temperature input[type=number]").fill("0.2")
    page.keyboard.press("Tab")
    until(page, f"{STEP} td.q", q)
    assert (tokens(page), column(page, "p")) == (branch, p)
    assert float(column(page, "q")[0].split()[0]) > float(q[0].split()[0])

    # Back to what was before the branch.
    page.locator(f"{STEP} [data-back]").click()
    until(page, "#tokens-0 .token", branch)
    assert tokens(page) == first
    assert page.locator(f"{STEP} [data-back]").is_hidden()

    # A second model beside the first, which keeps its text; of three, the last two stay.
    page.locator("#tokens-models label", has_text=SECOND).click()
    page.wait_for_selector("#tokens-1 .token")
    assert tokens(page) == first
    page.locator("#tokens-go").click()
    until(page, "#tokens-0 .token", first)


def test_by_keyboard(visit: Visit) -> None:
    page = open_demo(visit)
    first = tokens(page)
    page.locator("#tokens-0 .token").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#tokens-0 .token:focus").inner_text() == first[1]
    assert page.locator(f"{STEP} .step").inner_text().startswith("Token 2 of 48")
    page.keyboard.press("Enter")
    button = page.evaluate("document.activeElement.dataset.id")
    drawn = page.locator(f"{STEP} tr.drawn button").get_attribute("data-id")
    if button == drawn:
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, "#tokens-0 .token", first)
    assert tokens(page)[:1] == first[:1]
    assert tokens(page)[1] != first[1]


def test_a_prompt_with_markup_stays_text(visit: Visit) -> None:
    page = open_demo(visit)
    before = tokens(page)
    page.locator("#tokens-prompt textarea").fill("<b onclick=alert(1)>to be</b>")
    page.locator("#tokens-go").click()
    until(page, "#tokens-0 .token", before)
    assert page.locator("#tokens-0 .given").inner_text() == "<b onclick=alert(1)>to be</b>"
    assert page.locator("#tokens-0 .given *").count() == 0


def test_in_chinese_and_on_a_phone(visit: Visit) -> None:
    page = open_demo(visit, locale="zh-CN", size=(390, 844))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#demo-tokens .en:visible").count() == 0
    assert "熵" in page.locator(f"{STEP} .step").inner_text()
    result, button = (page.locator(name).first.bounding_box() for name in (STEP, "#tokens-go"))
    assert result["y"] < button["y"]
