from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aigc_core import default_engine
from aigc_core.artifact import read_record
from aigc_core.media import pixels
from aigc_core.metrics.places import read_places
from aigc_core.tasks import DecodeLatent, MapLatent, WalkLatent
from apps.image.latent_plane import END, POINT, START
from tests.browser.seeing import pixels_shown, type_number

pytestmark = pytest.mark.browser

PATIENCE = 60_000
PLANE = "#latent-map .plane"
Visit = Callable[..., Any]

# How many pixels of the canvas have a colour of their own.
COLOURS = """(() => {
    const canvas = document.querySelector("#latent-map canvas");
    if (getComputedStyle(canvas).visibility === "hidden") return 0;
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
        const hue = data.slice(at, at + 3);
        if (data[at + 3] > 150 && Math.max(...hue) - Math.min(...hue) > 25) count++;
    }
    return count;
})()"""


@pytest.fixture(scope="module", autouse=True)
def mapped() -> None:
    if not default_engine().models(MapLatent):
        pytest.skip("no model here has a map")


def ready(page: Any) -> Any:
    page.set_default_timeout(PATIENCE)
    for selector in ("#decoded img", "#map-walk img"):
        page.locator(selector).first.wait_for()
    page.wait_for_function(f"() => document.querySelector('{PLANE} img').naturalWidth > 100")
    return page


@pytest.fixture
def page(visit: Visit) -> Any:
    return ready(visit("image?demo=map"))


def shows(page: Any, x: float, y: float) -> None:
    """Waits until the picture at a point is there, and compares it with the model's."""
    at = f"x = {x:.2f}, y = {y:.2f}".replace("-", "−")
    page.locator("#decoded figcaption", has_text=at).wait_for()
    (expected,) = default_engine().result(DecodeLatent.ask(x=x, y=y)).artifacts
    assert np.abs(pixels_shown(page, "#decoded img") - pixels(expected.media)).max() <= 1


def at(page: Any, name: str) -> list[float]:
    """Where the point or an end of the path is."""
    return page.evaluate(  # type: ignore[no-any-return]
        "([plane, name]) => JSON.parse(document.querySelector(plane).dataset[name])", [PLANE, name]
    )


def on_page(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where a point of the map is in the window."""
    page.locator(PLANE).scroll_into_view_if_needed()
    box = page.locator(PLANE).bounding_box()
    return box["x"] + (x / 3 + 1) / 2 * box["width"], box["y"] + (1 - y / 3) / 2 * box["height"]


def walk(page: Any) -> str | None:
    source = page.locator("#map-walk img").first.get_attribute("src")
    return str(source)


def walked(page: Any, before: str | None) -> None:
    page.wait_for_function(
        "before => document.querySelector('#map-walk img')?.src !== before", arg=before
    )


def test_all_is_there_at_once(page: Any) -> None:
    shows(page, *POINT)
    assert (at(page, "start"), at(page, "end")) == ([*START], [*END])
    assert page.locator("#map-walk img").count() == 2
    for selector in (PLANE, "#decoded figure", "#map-show", "#map-facts"):
        box = page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= 720, selector
        assert box["x"] + box["width"] <= 1280, selector
    (expected,) = default_engine().result(MapLatent.ask()).artifacts
    page.wait_for_function("() => / ms/.test(document.querySelector('#map-facts').innerText)")
    assert np.abs(pixels_shown(page, f"{PLANE} img") - pixels(expected.media)).max() <= 1


def test_a_click_a_drag_and_the_arrow_keys_move_the_point(page: Any) -> None:
    page.mouse.click(*on_page(page, -1.5, 2.1))
    x, y = at(page, "point")
    assert (x, y) == pytest.approx((-1.5, 2.1), abs=0.03)
    shows(page, x, y)

    page.evaluate(
        """() => {
            window.seen = 0;
            new MutationObserver(() => window.seen++).observe(
                document.querySelector("#decoded"), {subtree: true, attributes: true});
        }"""
    )
    page.mouse.move(*on_page(page, -1, 2))
    page.mouse.down()
    for step in range(10):
        page.mouse.move(*on_page(page, -1 + step / 5, 2 - step / 4))
        page.wait_for_timeout(60)
    page.wait_for_function("() => window.seen > 0")  # It follows before it is let go.
    page.mouse.up()
    x, y = at(page, "point")
    assert (x, y) == pytest.approx((0.8, -0.25), abs=0.03)
    shows(page, x, y)

    for keys, (right, up) in (("ArrowRight", (1, 0)), ("Shift+ArrowUp", (0, 5))):
        page.keyboard.press(keys)
        x, y = round(x + 0.05 * right, 2), round(y + 0.05 * up, 2)
        shows(page, x, y)

    # Beyond the rim it stays on it.
    page.mouse.move(*on_page(page, 0, 0))
    page.mouse.down()
    page.mouse.move(*on_page(page, 9, 2.5))
    page.mouse.up()
    x, y = at(page, "point")
    assert x == 3
    shows(page, x, y)


def test_the_keyboard_reaches_the_map(page: Any) -> None:
    page.locator("#demo-map h1").click()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('plane')"):
            break
    page.keyboard.press("ArrowDown")
    shows(page, POINT[0], round(POINT[1] - 0.05, 2))


def test_the_test_digits_are_dots_by_class(page: Any) -> None:
    if read_places(default_engine().models(MapLatent)[0].folder) is None:
        pytest.skip("nobody has looked for the test digits' places")
    legend = page.locator("#latent-map .legend button")
    assert not legend.first.is_visible()
    for place, there in ((2, True), (1, True), (0, False), (2, True)):
        page.locator("#map-show label").nth(place).click()
        page.wait_for_function(f"there => {COLOURS} > 100 === there", arg=there)
        legend.first.wait_for(state="visible" if there else "hidden")
    assert legend.count() == 10
    all_ten = page.evaluate(COLOURS)
    legend.nth(3).click()
    assert legend.nth(3).get_attribute("aria-pressed") == "true"
    page.wait_for_function(f"all => {COLOURS} < all", arg=all_ten)
    legend.nth(3).click()
    page.wait_for_function(f"all => {COLOURS} === all", arg=all_ten)


def test_a_path_is_set_by_buttons_by_hand_and_by_shift(page: Any, tmp_path: Path) -> None:
    page.mouse.click(*on_page(page, -0.5, -2.5))
    seen = walk(page)
    page.locator("#map-start").click()
    walked(page, seen)
    assert at(page, "start") == at(page, "point")

    point, seen = at(page, "point"), walk(page)
    page.mouse.move(*on_page(page, *END))
    page.mouse.down()
    page.mouse.move(*on_page(page, 2.4, -1.2), steps=4)
    page.mouse.up()
    walked(page, seen)
    assert at(page, "end") == pytest.approx([2.4, -1.2], abs=0.1)
    assert at(page, "point") == point

    seen = walk(page)
    page.keyboard.down("Shift")
    page.mouse.click(*on_page(page, 1.0, 2.0))
    page.keyboard.up("Shift")
    walked(page, seen)
    assert at(page, "end") == pytest.approx([1.0, 2.0], abs=0.03)

    with page.expect_download() as download:
        page.locator("#map-gif").click()
    download.value.save_as(tmp_path / "walk.gif")
    request = WalkLatent(**read_record(tmp_path / "walk.gif").request)
    assert [request.x, request.y] == at(page, "start")
    assert [request.x_to, request.y_to] == at(page, "end")


def test_the_map_is_saved_with_its_record(page: Any, tmp_path: Path) -> None:
    page.wait_for_function("() => / ms/.test(document.querySelector('#map-facts').innerText)")
    with page.expect_download() as download:
        page.locator("#map-save").click()
    download.value.save_as(tmp_path / "map.png")
    assert MapLatent(**read_record(tmp_path / "map.png").request) == MapLatent()


def test_a_wider_reach_shows_more_of_the_plane(page: Any) -> None:
    page.locator("#demo-map").get_by_text("More", exact=True).click()
    reach = page.locator("#demo-map input[type=number]").nth(1)
    type_number(page, reach, 3.9)
    # On the way to it the page may have drawn the map of reach 3.
    page.locator(f"{PLANE} small", has_text="3.9").last.wait_for()
    # A smaller reach takes what lies beyond it to its rim, and the picture with it.
    seen = walk(page)
    page.locator("#demo-map input[type=number]").nth(1).fill("1.4")
    page.keyboard.press("Tab")
    walked(page, seen)
    assert (at(page, "start"), at(page, "end")) == ([-1.4, -1.4], [1.4, 1.4])
    shows(page, *POINT)


def test_touch_on_a_chinese_phone(browser: Any, url: str, watch_for: Callable[[str], Any]) -> None:
    watch = watch_for(url)
    context = browser.new_context(
        locale="zh-CN", viewport={"width": 390, "height": 844}, has_touch=True
    )
    page = context.new_page()
    watch.over(page)
    page.goto(url + "image?demo=map")
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".en:visible").count() == 0
    box = page.locator(PLANE).bounding_box()
    assert box["width"] > 300
    assert box["y"] + box["height"] < page.locator("#decoded img").bounding_box()["y"]
    page.touchscreen.tap(*on_page(page, -2.0, 1.0))
    x, y = at(page, "point")
    assert (x, y) == pytest.approx((-2.0, 1.0), abs=0.03)
    shows(page, x, y)
    context.close()
    assert watch.wrong == []
