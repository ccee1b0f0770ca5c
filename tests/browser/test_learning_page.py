"""A training to scrub through, in a browser, with two made-up histories."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.image import learning
from apps.ui.demo import Modality
from tests.histories import history, saved

pytestmark = pytest.mark.browser

PATIENCE = 30_000
LAST = 5


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo alone."""
    from apps.suite import build_alone
    from apps.ui.serve import serve

    home = tmp_path_factory.mktemp("histories")
    saved(history("dcgan-mnist"), home)
    saved(history("gan-mnist-collapse", collapsed=True), home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        patch.setattr(learning, "HOME", home)
        app = build_alone(Modality("image", learning.TITLE, (learning.LEARNING,)))
        serve(app, inbrowser=False, prevent_thread_lock=True)
        yield str(app.local_url)
        app.close()


@pytest.fixture
def page(visit: Callable[..., Any]) -> Any:
    return opened(visit(""))


def opened(page: Any) -> Any:
    page.locator("#learning .frames").wait_for(timeout=PATIENCE)
    page.locator("#learning-curves .chart").first.wait_for()
    page.wait_for_function("document.querySelector('#learning input').ariaValueText")
    return page


def shown(page: Any) -> dict[str, Any]:
    """What the page shows of the moment: slider, frame, figures, cursors."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => {
            const player = document.querySelector("#learning .player");
            const charts = [...document.querySelectorAll("#learning-curves .chart")];
            const figure = (key) => player.querySelector(`[data-shown=${key}]`).textContent;
            return {
                place: Number(player.querySelector("input").value),
                frame: parseFloat(player.querySelector(".frames").style.backgroundPositionY),
                step: figure("step"),
                fid: figure("fid"),
                modes: figure("modes"),
                strip: [...player.querySelectorAll(".strip > i")].map((i) => i.clientWidth),
                cursors: charts.map((c) => parseFloat(c.querySelector(".cursor").style.left)),
                loss: charts[2].querySelector("figcaption > b").textContent,
                playing: player.querySelector("[data-play]").ariaPressed,
            };
        }"""
    )


def is_at(page: Any, place: int, model: str = "dcgan-mnist") -> None:
    """Everything on the page tells of one moment."""
    made = history(model, collapsed=model != "dcgan-mnist")
    found = shown(page)
    assert found["place"] == place
    assert found["frame"] == pytest.approx(100 * place / LAST)
    assert found["step"] == f"{made.steps[place]:,}"
    assert float(found["fid"].replace(",", "")) == pytest.approx(made.fid[place], rel=0.01)
    assert found["modes"] == f"{made.modes[place]} / 10"
    assert sum(width > 0 for width in found["strip"]) == made.modes[place]
    assert found["cursors"] == pytest.approx([100 * place / LAST] * 4, abs=0.1)
    assert float(found["loss"]) == pytest.approx(made.losses[0].values[place], rel=0.01)


def at(page: Any, place: int) -> None:
    page.wait_for_function(
        f"Number(document.querySelector('#learning input').value) === {place}", timeout=PATIENCE
    )


def test_the_last_moment_is_there_at_once_without_scrolling(page: Any) -> None:
    is_at(page, LAST)
    for selector in ("#learning .frames", "#learning .scrub", "#learning .figures"):
        box = page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= 720, selector


def test_keys_move_through_the_training(page: Any) -> None:
    slider = page.locator("#learning input")
    slider.focus()
    for key, place in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        slider.press(key)
        is_at(page, place)
    assert "step" in slider.get_attribute("aria-valuetext")


def test_the_slider_and_the_charts_are_dragged_with_the_mouse(page: Any) -> None:
    box = page.locator("#learning input").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    is_at(page, 0)
    plot = page.locator("#learning-curves .plot").nth(2).bounding_box()
    page.mouse.move(plot["x"] + plot["width"] * 0.58, plot["y"] + 20)
    page.mouse.down()
    is_at(page, 3)
    page.mouse.move(plot["x"] + plot["width"] * 0.22, plot["y"] + 20, steps=4)
    is_at(page, 1)
    page.mouse.up()
    page.mouse.move(plot["x"] + plot["width"] * 0.9, plot["y"] + 20)
    is_at(page, 1)


def test_scrubbing_asks_nothing_of_the_server(page: Any) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    slider = page.locator("#learning input")
    for _ in range(3):
        slider.press("ArrowLeft")
    is_at(page, LAST - 3)
    assert [address for address in asked if "queue/join" in address] == []


def test_play_runs_from_the_start_to_the_end_and_can_be_paused(page: Any) -> None:
    button = page.locator("#learning [data-play]")
    button.click()
    assert shown(page)["playing"] == "true"
    at(page, LAST)
    page.wait_for_function("document.querySelector('[data-play]').ariaPressed === 'false'")
    is_at(page, LAST)


def test_play_can_be_paused(page: Any) -> None:
    # Pressed twice from within the page, as a busy machine may take longer than the whole play.
    place = page.evaluate(
        """async () => {
            const button = document.querySelector("#learning [data-play]");
            button.click();
            await new Promise((done) => setTimeout(done, 400));
            button.click();
            return Number(document.querySelector("#learning input").value);
        }"""
    )
    assert place < LAST
    page.wait_for_timeout(700)
    is_at(page, place)
    assert shown(page)["playing"] == "false"


def test_with_reduced_motion_each_press_is_one_moment(page: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    button = page.locator("#learning [data-play]")
    for place in (0, 1, 2):
        button.click()
        is_at(page, place)
    page.wait_for_timeout(500)
    is_at(page, 2)


def test_another_model_comes_with_its_own_pictures_and_curves(page: Any) -> None:
    page.locator("#learning input").press("Home")
    page.locator("#learning-model input").click()
    options = page.get_by_role("option")
    assert options.last.inner_text().strip() == "A GAN made to collapse"
    options.last.click()
    page.locator("#learning-curves").get_by_text("Made to collapse").wait_for()
    page.locator('.chart[data-key="discriminator"]').wait_for()
    page.wait_for_function("document.querySelector('[data-shown=modes]').textContent === '2 / 10'")
    at(page, LAST)
    is_at(page, LAST, "gan-mnist-collapse")
    page.locator("#learning input").press("Home")
    is_at(page, 0, "gan-mnist-collapse")


def test_a_chinese_browser_gets_chinese(visit: Callable[..., Any]) -> None:
    page = opened(visit("", locale="zh-CN"))
    assert page.locator(".en:visible").count() == 0
    said = page.locator("#learning, #learning-curves").all_inner_texts()
    assert not re.search(r"[A-Za-z]{3,}", re.sub(r"FID|Inception|dcgan-mnist", "", said[0]))
    assert "已见训练图片数" in said[0]
    page.locator("#learning input").press("Home")
    assert "步数" in page.locator("#learning input").get_attribute("aria-valuetext")


def test_a_phone_shows_the_pictures_first_and_scrubs_by_touch(
    visit: Callable[..., Any], tmp_path: Path
) -> None:
    page = opened(visit("", size=(390, 844)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    frames, model = (page.locator(s).bounding_box() for s in (".frames", "#learning-model"))
    assert frames["y"] + frames["height"] < model["y"]
    assert frames["width"] > 300
    plot = page.locator("#learning-curves .plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    plot.dispatch_event(
        "pointerdown",
        {
            "pointerType": "touch",
            "buttons": 1,
            "clientX": box["x"] + 2,
            "clientY": box["y"] + 20,
            "bubbles": True,
        },
    )
    is_at(page, 0)
