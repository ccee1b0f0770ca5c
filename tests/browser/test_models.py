import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_core.hub.snapshot import local
from apps.models import words
from tests.hub.fixtures import log_in
from tests.shop import GATED, REMOTE, TINY, Shop, hub, shop, stand_in
from tests.waiting import until

__all__ = ["hub", "shop", "stand_in"]

pytestmark = pytest.mark.browser

Visit = Callable[..., Any]
MODEL = "dcgan-mnist"


def open_page(visit: Visit, **settings: Any) -> Any:
    page = visit("models", **settings)
    row(page, MODEL).locator("h3").wait_for()
    return page


def row(page: Any, id: str = TINY) -> Any:
    return page.locator(f'[data-live="row:{id}"]')


def group(page: Any, place: str) -> Any:
    return page.locator(f'[data-live="group:{place}"]')


def button(page: Any, do: str, id: str = TINY) -> Any:
    return row(page, id).locator(f'[data-do="{do}"]')


def test_a_model_is_downloaded_before_ones_eyes_and_deleted(visit: Visit, shop: Shop) -> None:
    page = open_page(visit)
    # What it takes, and whether it fits, stands there before any click.
    takes = row(page).locator(".takes").inner_text()
    assert "about" in takes
    assert "fits" in takes
    assert shop.hub.requests == []

    shop.slow(100_000)
    button(page, "fetch").click()
    bar = row(page).locator("[role=progressbar]")
    bar.wait_for()
    # Real numbers pass by, in the row and in the panel.
    page.wait_for_function(
        """(row) => {
            const shares = (window.shares ??= new Set());
            const bar = document.querySelector(`[data-live="row:${row}"] [role=progressbar]`);
            if (bar) shares.add(bar.getAttribute("aria-valuenow"));
            return shares.size >= 3;
        }""",
        arg=TINY,
    )
    assert re.search(r"\d+ [kM]?B of \d+ [kM]?B", row(page).inner_text())
    assert page.locator('[data-live="downloads"] [role=progressbar]').count() == 1

    group(page, "disk").locator("h3", has_text="Tiny").wait_for()
    assert local(shop.engine.catalog.find(TINY).source) is not None
    assert bar.count() == 0
    assert words.NEVER.en in row(page).inner_text()

    # Deleting is asked twice, and can be thought better of.
    row(page).locator("[data-ask]").click()
    assert "from the disk?" in row(page).inner_text()
    row(page).locator("[data-keep]").click()
    assert not button(page, "remove").is_visible()
    row(page).locator("[data-ask]").click()
    button(page, "remove").click()
    group(page, "hub").locator("h3", has_text="Tiny").wait_for()
    assert local(shop.engine.catalog.find(TINY).source) is None


def test_a_download_is_cancelled_and_goes_on(visit: Visit, shop: Shop) -> None:
    page = open_page(visit)
    shop.slow()
    button(page, "fetch").click()
    page.wait_for_function(
        f"""() => document.querySelector('[data-live="row:{TINY}"] [role=progressbar]')
            ?.getAttribute("aria-valuenow") > 5"""
    )
    button(page, "cancel").click()
    # What came stays; it can go on, or be deleted.
    row(page).locator("button", has_text=words.GO_ON.en).wait_for()
    assert "already here" in row(page).inner_text()
    assert shop.downloads.running == frozenset()
    shop.hub.mend()
    button(page, "fetch").click()
    group(page, "disk").locator("h3", has_text="Tiny").wait_for()


def test_a_gated_model_has_its_link_and_says_what_to_do(
    visit: Visit, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(visit)
    gated = group(page, "gated")
    link = row(page, GATED).locator(".notice a:visible")
    assert link.get_attribute("href") == "https://huggingface.co/tests/gated"
    assert "HF_TOKEN" in gated.inner_text()
    button(page, "fetch", GATED).click()
    row(page, GATED).locator("button", has_text=words.AGAIN.en).wait_for()
    assert "accept" in row(page, GATED).locator(".notice").inner_text()
    assert link.get_attribute("href") == "https://huggingface.co/tests/gated"
    # With a token it comes.
    log_in(shop.hub, monkeypatch, "tests/gated")
    button(page, "fetch", GATED).click()
    group(page, "disk").locator("h3", has_text="Gated").wait_for()


def test_loaded_models_are_shown_and_unloaded(visit: Visit, shop: Shop) -> None:
    page = open_page(visit)
    memory = page.locator('[data-live="resident"]')
    memory.locator("p", has_text=words.NOTHING_LOADED.en).wait_for()
    taken, ended = threading.Event(), threading.Event()

    def use() -> None:
        with shop.engine.loader.lease(MODEL):
            taken.set()
            ended.wait(60)

    user = threading.Thread(target=use, daemon=True)
    user.start()
    until(taken.is_set)
    memory.locator(".resident", has_text="in use by 1").wait_for()
    assert "float32" in memory.inner_text()
    assert memory.locator("button").count() == 0
    ended.set()
    user.join()
    memory.locator("button", has_text="Unload").click()
    memory.locator("p", has_text=words.NOTHING_LOADED.en).wait_for()


def test_a_model_is_looked_up_and_added(
    visit: Visit, shop: Shop, stand_in: Callable[[str], Path]
) -> None:
    shop.hub.add("org/another", stand_in("qwen3"))
    page = open_page(visit)
    page.locator("#add-reference input, #add-reference textarea").fill("org/another")
    page.locator("#add-look-up").click()
    page.locator("#add-found dl", has_text="Qwen3ForCausalLM").wait_for()
    page.locator("#add-it").click()
    row(page, "another").locator("h3", has_text="another").wait_for()
    assert button(page, "fetch", "another").is_visible()
    page.locator("#add-reference input, #add-reference textarea").fill("nonsense")
    page.locator("#add-look-up").click()
    page.locator(".toast-body", has_text="org/name").wait_for()
    assert page.locator("#add-found dl").count() == 0


def test_others_see_no_buttons_and_no_form(
    visit: Visit, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_OWNER", "nobody")
    page = open_page(visit)
    row(page, REMOTE).locator("h3").wait_for()
    assert words.NO_OWNER.en in page.locator("#models").inner_text()
    assert page.locator("#models button").count() == 0
    assert not page.locator("#add").is_visible()


def test_nothing_is_asked_while_the_page_is_not_in_view(visit: Visit, shop: Shop) -> None:
    page = open_page(visit)
    asked: list[str] = []
    page.on("request", lambda r: "component_server" in r.url and asked.append(r.url))
    page.wait_for_timeout(1500)
    assert asked
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", {get: () => window.away ?? true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.wait_for_timeout(1500)
    asked.clear()
    page.wait_for_timeout(2500)
    assert asked == []
    page.evaluate(
        "() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.wait_for_timeout(500)
    assert asked


@pytest.mark.parametrize("size", [(390, 844), (1280, 720)])
def test_in_chinese_and_of_every_width(visit: Visit, shop: Shop, size: tuple[int, int]) -> None:
    page = open_page(visit, locale="zh-CN", size=size)
    page.locator("#add").wait_for()
    assert page.locator("#models .en:visible, #add .en:visible").count() == 0
    text = page.locator("#models").inner_text()
    for said in (words.DOWNLOAD, words.IN_MEMORY, words.GROUPS["shipped"][0]):
        assert said.zh in text
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    wide = page.evaluate(
        """() => [...document.querySelectorAll("#models *, #add *, header *")]
            .filter((part) => part.checkVisibility()
                && part.getBoundingClientRect().right > innerWidth + 1)
            .map((part) => part.outerHTML.slice(0, 80))"""
    )
    assert wide == []


def test_the_page_is_in_the_header(visit: Visit, shop: Shop) -> None:
    page = visit("image")
    page.locator("header.top a", has_text="Models").click()
    page.locator("#models .model h3").first.wait_for()
    assert page.locator("header.top a[aria-current=page]").inner_text() == "Models"


def test_an_order_that_is_lost_says_so(visit: Visit, shop: Shop) -> None:
    page = open_page(visit)
    button(page, "fetch").wait_for()
    page.route(
        "**/component_server/",
        lambda route: route.fulfill(content_type="application/json", body="null"),
    )
    button(page, "fetch").click()
    said = page.locator(f'[data-said="{TINY}"]')
    said.wait_for()
    assert words.LOST.en in said.inner_text()
    page.unroute("**/component_server/")
    button(page, "fetch").click()
    group(page, "disk").locator("h3", has_text="Tiny").wait_for(timeout=90_000)
    assert not said.is_visible()
