import base64
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image as Pillow

from aigc_core import default_engine
from aigc_core.artifact import Record, contact_sheet, read_record
from aigc_core.tasks.image import SampleImages, TraceImage
from apps.ui.language import TRANSLATIONS
from tests.browser.seeing import draw, drawn, type_number

pytestmark = pytest.mark.browser

PATIENCE = 60_000
Visit = Callable[..., Any]


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE)
    return expect(locator)


def picture(page: Any) -> str:
    """Where the picture on show comes from."""
    return str(page.locator("#result img").get_attribute("src"))


def record_of(page: Any, folder: Path) -> Record:
    """What the picture on show says of how it was made."""
    file = folder / "shown.png"
    file.write_bytes(httpx.get(picture(page)).content)
    return read_record(file)


def in_view(page: Any, selector: str) -> bool:
    box, size = page.locator(selector).first.bounding_box(), page.viewport_size
    return bool(
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= size["width"]
        and box["y"] + box["height"] <= size["height"]
    )


def tabs(page: Any) -> Any:
    """Those of the demo, below the page's own."""
    return page.locator("#demo-digits").get_by_role("tab")


def open_tab(page: Any, place: int) -> None:
    tabs(page).nth(place).click()


def drop(page: Any, name: str, content: bytes, kind: str = "image/png") -> None:
    """Drops a file from the desktop onto the picture."""
    page.evaluate(
        """([name, kind, code]) => {
            const bytes = Uint8Array.from(atob(code), (c) => c.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], name, {type: kind}));
            for (const step of ["dragenter", "dragover", "drop"])
                document.querySelector("#result").dispatchEvent(
                    new DragEvent(step, {dataTransfer, bubbles: true, cancelable: true}));
        }""",
        [name, kind, base64.b64encode(content).decode()],
    )


def settings(page: Any) -> list[Any]:
    """What the controls hold."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => [...document.querySelectorAll(".controls input")].map(
            (input) => input.type === "radio" ? input.checked : input.value)"""
    )


def saved(asked: SampleImages, folder: Path) -> bytes:
    """A picture as the page saves it."""
    sheet = contact_sheet(default_engine().result(asked).artifacts, asked.columns)
    return sheet.save(folder / "saved.png").read_bytes()


def says(page: Any, sentence: str) -> None:
    """Waits for a message, and closes it."""
    toast = page.locator(".toast-body", has_text=sentence)
    expect(toast).to_be_visible()
    toast.locator("button").click()
    expect(toast).to_have_count(0)


@pytest.fixture(scope="module")
def opened(browser: Any, url: str, watch_for: Callable[[str], Any]) -> Iterator[Any]:
    """The demo in an English browser of 1280 x 720, for one test after another."""
    watch = watch_for(url)
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    watch.over(page)
    # The first page of a fresh browser, on a machine that may be busy.
    page.goto(url + "image", timeout=PATIENCE)
    page.locator("#result img").wait_for(timeout=PATIENCE)
    page.watch = watch
    yield page
    context.close()


@pytest.fixture
def page(opened: Any) -> Iterator[Any]:
    open_tab(opened, 0)
    yield opened
    assert opened.watch.wrong == []


class TestOneVisit:
    def test_a_picture_is_there_before_any_click(self, page: Any) -> None:
        assert page.evaluate("document.querySelector('#result img').naturalWidth") > 100
        assert page.locator("#facts").inner_text().strip()

    def test_result_and_button_need_no_scrolling(self, page: Any) -> None:
        for selector in ("#result img", "#draw", "#facts", "#stop"):
            assert in_view(page, selector), selector
        assert page.evaluate("scrollY") == 0

    def test_draw_gives_new_digits_and_says_how_long_it_took(self, page: Any) -> None:
        seen = {picture(page)}
        for _ in range(2):
            draw(page)
            assert picture(page) not in seen
            seen.add(picture(page))
        assert re.search(r"\d+ ms", page.locator("#facts").inner_text())
        assert in_view(page, "#result img")
        assert in_view(page, "#draw")

    def test_the_keyboard_reaches_draw_and_draws(self, page: Any) -> None:
        page.locator("h1").click()
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "draw":
                break
        expect(page.locator("#draw")).to_be_focused()
        before = picture(page)
        page.keyboard.press("Enter")
        drawn(page, before)

    def test_clicking_a_digit_shows_how_that_one_grows(self, page: Any, tmp_path: Path) -> None:
        sheet, size = page.locator("#result img"), page.viewport_size
        panels = page.locator("#demo-digits").get_by_role("tabpanel")
        panel = panels.filter(has=page.locator("#growth"))
        first = record_of(page, tmp_path).seed
        for width in (size["width"], 390):
            page.set_viewport_size({**size, "width": width})
            for column, row in ((0, 0), (7, 2), (9, 9), (3, 1), (5, 6), (0, 9)):
                box = sheet.bounding_box()
                across, down = (column + 0.5) / 10, (row + 0.5) / 10
                sheet.click(position={"x": box["width"] * across, "y": box["height"] * down})
                seed = str(first + 10 * row + column)
                expect(panel.locator("input[type=number]")).to_have_value(seed)
                expect(panel.locator("label:has(input:checked)")).to_have_text(str(column))
        page.set_viewport_size(size)
        assert page.locator("#growth img").count() == 3

    def test_a_typed_seed_is_the_one_that_is_drawn(self, page: Any, tmp_path: Path) -> None:
        page.get_by_text("More").first.click()
        seed = page.locator(".controls input[type=number]").nth(1)
        type_number(page, seed, 12345)
        draw(page)
        assert record_of(page, tmp_path).seed == 12345

    def test_save_picture_gives_a_file_with_its_record(self, page: Any, tmp_path: Path) -> None:
        draw(page)
        with page.expect_download() as download:
            page.locator("#save").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert re.fullmatch(r"dcgan-mnist-\d+\.png", file.name)
        assert read_record(file) == record_of(page, tmp_path)

    def test_save_all_gives_a_file_for_each_digit(self, page: Any, tmp_path: Path) -> None:
        shown = record_of(page, tmp_path)
        with page.expect_download() as download:
            page.locator("#pack").click()
        file = tmp_path / "all.zip"
        download.value.save_as(file)
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            archive.extractall(tmp_path / "all")
        assert len(names) == shown.details["pictures"] == 100
        seeds = sorted(read_record(tmp_path / "all" / name).seed for name in names)
        assert seeds == [shown.seed + place for place in range(100)]

    def test_walk_draws_two_rows(self, page: Any) -> None:
        open_tab(page, 1)
        page.locator("#walk-go").click()
        expect(page.locator("#walk figure")).to_have_count(2)
        expect(page.locator("#walk figure img")).to_have_count(4)

    def test_a_dropped_picture_brings_its_settings_back(self, page: Any, tmp_path: Path) -> None:
        asked = SampleImages(label="7", count=6, seed=42, truncation=0.5)
        before = picture(page)
        drop(page, "digits.png", saved(asked, tmp_path))
        drawn(page, before)
        assert SampleImages(**record_of(page, tmp_path).request) == asked
        assert "6" in settings(page)

    def test_a_wrong_file_is_refused_and_the_settings_stay(self, page: Any, tmp_path: Path) -> None:
        before, shown = settings(page), picture(page)
        Pillow.new("L", (8, 8)).save(tmp_path / "plain.png")
        drop(page, "plain.png", (tmp_path / "plain.png").read_bytes())
        says(page, "This picture does not carry the record of a run.")
        drop(page, "notes.txt", b"no picture", "text/plain")
        says(page, "This file does not carry the record of a run.")
        assert settings(page) == before
        assert picture(page) == shown

    def test_a_bad_seed_is_refused(self, page: Any) -> None:
        page.get_by_role("spinbutton", name=TraceImage.shown("seed").label.en).last.fill("-5")
        says(page, "Seed must be a whole number from 0 to 2147483647; “-5” is not.")

    def test_the_visit_outlives_a_reload_and_draws_again(self, page: Any, tmp_path: Path) -> None:
        draw(page)
        wanted = record_of(page, tmp_path)
        open_tab(page, 3)
        runs = page.locator("#history img")
        # The newest run is there once its seed is.
        expect(page.locator("#history")).to_contain_text(str(wanted.seed))
        kept = runs.count()
        assert kept > 1
        page.reload()
        page.locator("#result img").wait_for()
        open_tab(page, 3)
        expect(runs).to_have_count(kept)
        before = picture(page)
        runs.nth(0).click()
        drawn(page, before)
        assert record_of(page, tmp_path).request == wanted.request
        expect(page.locator("#record")).to_contain_text(str(wanted.seed))


@pytest.mark.parametrize("path", ["", "image"])
def test_a_phone_shows_everything_without_scrolling_sideways(
    visit: Visit, url: str, path: str
) -> None:
    page = visit(f"{path}?lang=en", size=(390, 844))
    for spoken in ("en", "zh"):
        if spoken != "en":
            page.goto(f"{url}{path}?lang={spoken}")
        page.locator("h1").wait_for()
        if path == "image":
            page.locator("#result img").wait_for()
            result, button = (page.locator(s).bounding_box() for s in ("#result img", "#draw"))
            assert result["y"] + result["height"] <= button["y"]
            assert in_view(page, "#result img")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for place in range(tabs(page).count()):
            open_tab(page, place)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


def texts(page: Any) -> set[str]:
    """All that is written on the page, piece by piece, and what is said of its parts."""
    return set(
        page.evaluate(
            """() => {
                const said = [];
                const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                while (walk.nextNode()) {
                    const parent = walk.currentNode.parentElement;
                    if (parent.checkVisibility()) said.push(walk.currentNode.data.trim());
                }
                for (const part of document.querySelectorAll("[aria-label], [alt], [placeholder]"))
                    if (part.checkVisibility())
                        for (const name of ["aria-label", "alt", "placeholder"])
                            said.push((part.getAttribute(name) || "").trim());
                return said.filter((text) => text);
            }"""
        )
    )


def english() -> set[str]:
    """Every label that reads otherwise in Chinese, but for the switch that leads to English."""
    words = TRANSLATIONS.translations
    found = {said for key, said in words["en"].items() if said != words["zh"][key]}
    return found - {"English"}


def is_chinese(page: Any) -> None:
    expect(page.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    expect(page.locator("#draw")).to_have_text("绘制")
    assert page.locator(".en:visible").count() == 0


def test_a_chinese_browser_gets_chinese_throughout(visit: Visit) -> None:
    page = visit("image", locale="zh-CN")
    is_chinese(page)
    draw(page)
    for place in range(4):
        open_tab(page, place)
        assert texts(page) & english() == set()
    open_tab(page, 1)
    page.locator("#walk-go").click()
    expect(page.locator("#walk figure")).to_have_count(2)
    assert texts(page) & english() == set()
    open_tab(page, 0)
    page.get_by_role("spinbutton", name=TraceImage.shown("seed").label.zh).last.fill("-5")
    says(page, "“种子”必须是 0 到 2147483647 之间的整数，而不是“-5”。")


def test_a_language_that_was_asked_for_is_remembered(visit: Visit, url: str) -> None:
    page = visit("image?lang=zh")
    is_chinese(page)
    page.get_by_role("link", name="English").click()
    expect(page.locator("#draw")).to_have_text("Draw")
    assert page.locator(".zh:visible").count() == 0
    page.get_by_role("link", name="中文").click()
    is_chinese(page)
    page.goto(url + "image")
    is_chinese(page)
    page.reload()
    is_chinese(page)


def shade(page: Any) -> float:
    """How light the page is, 0 to 1."""
    colour = page.evaluate("getComputedStyle(document.querySelector('gradio-app')).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    return (red + green + blue) / 3 / 255


def test_dark_by_address_and_by_the_switch_which_is_remembered(visit: Visit, url: str) -> None:
    page = visit("image?__theme=dark")
    page.locator("#draw").wait_for()
    assert shade(page) < 0.2
    page.goto(url)
    page.locator("h1").wait_for()
    assert shade(page) > 0.8
    page.locator("[data-shade]").click()
    assert shade(page) < 0.2
    page.locator("a.card").first.click()
    page.locator("#draw").wait_for()
    page.wait_for_function("document.body.classList.contains('dark')")
    assert shade(page) < 0.2
    page.locator("[data-shade]").click()
    assert shade(page) > 0.8
