import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from aigc_core import default_engine
from aigc_core.artifact import read_record
from aigc_core.data import mnist
from aigc_core.digits import EMPTY, read_digit, unpack
from aigc_core.tasks import EncodeImage, VaryImage
from apps.image.drawing_pad import DRAWINGS
from apps.ui.quality import card_of
from tests.browser.seeing import pixels_shown, type_number
from tests.waiting import until

pytestmark = pytest.mark.browser

PATIENCE = 60_000
Visit = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def readers() -> None:
    if not default_engine().models(VaryImage):
        pytest.skip("no model here reads pictures")


def ready(page: Any) -> Any:
    page.set_default_timeout(PATIENCE)
    page.locator("#reading img").nth(1).wait_for()
    page.wait_for_function(
        "() => / ms/.test(document.querySelector('#variations-status').innerText)"
    )
    if mnist.is_here("train"):
        page.locator("#nearest img").first.wait_for()
    return page


@pytest.fixture
def page(visit: Visit) -> Any:
    return ready(visit("image?demo=variations"))


def read(page: Any) -> np.ndarray:
    """What the model reads, as the page shows it."""
    return pixels_shown(page, "#reading img")


def sources(page: Any, selector: str) -> list[str]:
    return page.evaluate(  # type: ignore[no-any-return]
        "selector => [...document.querySelectorAll(selector)].map((image) => image.src)", selector
    )


def changed(page: Any, selector: str, before: list[str]) -> None:
    """Waits until other pictures are there, each one changed."""
    page.wait_for_function(
        """([selector, before]) => {
            const now = [...document.querySelectorAll(selector)].map((image) => image.src);
            return now.length && now.every((source, place) => source !== before[place]);
        }""",
        arg=[selector, before],
    )


def stroke(page: Any, *points: tuple[float, float]) -> None:
    """A stroke on the sheet, in shares of its sides."""
    box = page.locator("#pad canvas").bounding_box()
    (first, *rest) = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points
    ]
    page.mouse.move(*first)
    page.mouse.down()
    for point in rest:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def press(page: Any, name: str) -> None:
    page.locator(f'#pad [data-do="{name}"]').click()


def says(page: Any, sentence: str) -> None:
    """Waits for a message, and closes it."""
    toast = page.locator(".toast-body", has_text=sentence)
    toast.first.wait_for()
    for close in toast.locator("button").all():
        close.click()


def put(page: Any, name: str, content: bytes) -> None:
    """Drops a file from the desktop onto the sheet."""
    page.evaluate(
        """([name, code]) => {
            const bytes = Uint8Array.from(atob(code), (c) => c.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], name, {type: "image/png"}));
            for (const step of ["dragenter", "dragover", "drop"])
                document.querySelector("#pad canvas").dispatchEvent(
                    new DragEvent(step, {dataTransfer, bubbles: true, cancelable: true}));
        }""",
        [name, base64.b64encode(content).decode()],
    )


def test_it_opens_with_a_digit_already_read_and_varied(page: Any) -> None:
    assert np.array_equal(read(page), read_digit(DRAWINGS / "three.png"))
    assert page.locator("#reading tbody tr").count() == 4
    assert page.locator("#variations img").count() == VaryImage.ask().rows
    assert page.locator("#pad [data-example]").count() == 5
    for selector in ("#reading", "#variations", "#pad", "#vary", "#variations-status"):
        box = page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= 720, selector
    if mnist.is_here("train"):
        assert page.locator("#nearest figure").count() == 8
        assert page.locator("#nearest figcaption").first.inner_text().startswith("a 3, ")


def test_a_drawing_is_read_when_a_stroke_is_done(page: Any) -> None:
    press(page, "clear")
    near = "#variations img:first-of-type"  # Of the last row nothing is the picture's.
    before, grid = sources(page, "#reading img"), sources(page, near)
    assert before  # Nothing is lost meanwhile.
    stroke(page, (0.5, 0.15), (0.45, 0.85))
    changed(page, "#reading img", before)
    changed(page, near, grid)
    one = read(page)
    assert (one.max(axis=0) > 100).sum() < 8
    assert (one.max(axis=1) > 100).sum() == 20

    # A second stroke makes it a seven, and undo a one again.
    before = sources(page, "#reading img")
    stroke(page, (0.15, 0.15), (0.5, 0.15))
    changed(page, "#reading img", before)
    assert (read(page).max(axis=0) > 100).sum() > 8
    before = sources(page, "#reading img")
    press(page, "undo")
    changed(page, "#reading img", before)
    assert np.array_equal(read(page), one)


def test_the_eraser_takes_ink_away(page: Any) -> None:
    before = sources(page, "#reading img")
    press(page, "eraser")
    assert page.locator('#pad [data-do="eraser"]').get_attribute("aria-pressed") == "true"
    stroke(page, (0.1, 0.2), (0.9, 0.2))
    changed(page, "#reading img", before)
    assert not np.array_equal(read(page), read_digit(DRAWINGS / "three.png"))
    ink = page.evaluate(
        """() => {
            const sheet = document.querySelector("#pad canvas");
            const row = sheet.getContext("2d").getImageData(0, sheet.height / 5, sheet.width, 1);
            return row.data.filter((value) => value < 128).length;
        }"""
    )
    assert ink == 0


def test_an_empty_sheet_is_refused_and_nothing_is_lost(page: Any) -> None:
    press(page, "clear")
    before = sources(page, "#variations img")
    page.locator("#vary").click()
    says(page, EMPTY.en)
    assert sources(page, "#variations img") == before
    assert page.locator("#reading img").count() == 2
    press(page, "undo")  # The three is back.
    page.locator("#vary").click()
    changed(page, "#variations img", before)


def test_what_is_no_digit_is_said_to_be_far(page: Any) -> None:
    model = sorted(default_engine().models(EncodeImage), key=lambda entry: entry.conditional)[0]
    card = card_of(model)
    if card is None or card.figure("iw_nll") is None:
        pytest.skip(f"{model.id} has no card")
    near = page.locator("#reading .verdict")
    assert near.inner_text().startswith("Like the training data: it costs ")
    page.locator("#pad [data-example]").nth(3).click()
    far = page.locator("#reading .verdict.far")
    far.wait_for()
    assert far.inner_text().startswith("Far from the training data: it costs ")
    assert "99 % of test digits" in far.inner_text()


def test_no_click_is_lost_while_the_one_before_runs(page: Any, tmp_path: Path) -> None:
    page.locator("#demo-variations").get_by_text("More", exact=True).click()
    seed = page.locator("#demo-variations .controls input[type=number]").nth(3)
    page.evaluate(
        """async () => {
            for (let click = 0; click < 6; click++) {
                document.querySelector("#vary").click();
                await new Promise((done) => setTimeout(done, 30));
            }
        }"""
    )

    def saved() -> int:
        with page.expect_download() as download:
            page.locator("#vary-save").click()
        download.value.save_as(tmp_path / "rows.png")
        return read_record(tmp_path / "rows.png").seed

    until(lambda: saved() == int(seed.input_value()))


def test_vary_takes_a_new_seed_and_saves_with_the_record(page: Any, tmp_path: Path) -> None:
    before = sources(page, "#variations img")
    page.locator("#vary").click()
    changed(page, "#variations img", before)
    page.locator("#demo-variations").get_by_text("More", exact=True).click()
    seed = page.locator("#demo-variations .controls input[type=number]").nth(3)
    type_number(page, seed, 4321)
    before = sources(page, "#variations img")
    page.locator("#vary").click()
    changed(page, "#variations img", before)
    with page.expect_download() as download:
        page.locator("#vary-save").click()
    file = tmp_path / "variations.png"
    download.value.save_as(file)
    request = VaryImage(**read_record(file).request)
    assert request.seed == 4321
    assert np.array_equal(unpack(request.picture), read_digit(DRAWINGS / "three.png"))


def test_a_photograph_is_read_and_wrong_files_are_refused(page: Any, tmp_path: Path) -> None:
    photo = Pillow.new("RGB", (1600, 1200), (225, 215, 190))
    line = [(600, 200), (1000, 200), (760, 1000)]
    ImageDraw.Draw(photo).line(line, fill=(40, 50, 110), width=60)
    photo.save(tmp_path / "photo.jpg", quality=85)
    before = sources(page, "#reading img")
    with page.expect_file_chooser() as chosen:
        press(page, "upload")
    chosen.value.set_files(tmp_path / "photo.jpg")
    changed(page, "#reading img", before)
    apart = read(page) - read_digit(tmp_path / "photo.jpg")
    assert np.abs(apart).mean() < 6

    shown = sources(page, "#reading img")
    put(page, "notes.txt", b"no picture")
    says(page, "This is not a picture that we read: PNG, JPEG, WEBP, GIF.")
    put(page, "empty.png", b"")
    says(page, "This file is empty.")
    Pillow.new("L", (1, 1)).save(tmp_path / "dot.png")
    put(page, "dot.png", (tmp_path / "dot.png").read_bytes())
    says(page, EMPTY.en)
    Pillow.new("1", (4200, 4100)).save(tmp_path / "large.png")
    put(page, "large.png", (tmp_path / "large.png").read_bytes())
    says(page, "This picture is too large (4200 x 4100 pixels); 16 megapixels is the limit.")
    assert sources(page, "#reading img") == shown

    put(page, "four.png", (DRAWINGS / "four.png").read_bytes())
    changed(page, "#reading img", shown)


def test_a_model_that_knows_classes_asks_for_one(page: Any) -> None:
    told = [entry for entry in default_engine().models(EncodeImage) if entry.conditional]
    if not told or len(default_engine().models(EncodeImage)) == len(told):
        pytest.skip("there is no choice of models")
    label = page.locator("#demo-variations .controls .chips")
    assert label.count() == 0
    before = sources(page, "#variations img")
    page.locator("#variations-model input").click()
    page.get_by_role("option", name=told[0].name.en).click()
    label.wait_for()
    changed(page, "#variations img", before)
    before = sources(page, "#variations img")
    label.locator("label").nth(7).click()
    changed(page, "#variations img", before)


def test_in_chinese_and_on_a_phone(visit: Visit) -> None:
    page = ready(visit("image?demo=variations", locale="zh-CN", size=(390, 844)))
    assert page.locator(".en:visible").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sheet = page.locator("#pad canvas").bounding_box()
    assert sheet["y"] + sheet["height"] < 844
    assert sheet["y"] < page.locator("#reading").bounding_box()["y"]
    press(page, "clear")
    page.locator("#vary").click()
    title = page.locator(".toast-title").first
    title.wait_for()
    assert title.evaluate("node => getComputedStyle(node, '::before').content") == '"请注意"'
    says(page, EMPTY.zh)
