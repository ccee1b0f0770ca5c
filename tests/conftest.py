"""One served suite and one browser for the tests that need them."""

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before Gradio is imported: it would report its start otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if "PYTEST_XDIST_WORKER" in os.environ:  # Each worker has a core to itself.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# The host's own catalog and settings are no part of what is tested.
os.environ["XDG_CONFIG_HOME"] = str(Path(tempfile.gettempdir()) / "aigc-tests-without-settings")
os.environ.pop("AIGC_CATALOG", None)

import pytest

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Long enough for a busy machine.
PATIENCE = 15_000
# What Gradio's own script says when a page is left while its streams are open.
LEAVING = ("signal is aborted", "Connection errored out", "net::ERR_ABORTED")
# And what it says where it asks once more in its last moments, in seconds, for a session that has
# ended; said any earlier, it is wrong.
ENDED, MOMENTS = "404: Not Found", 2.0


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The whole suite, served on a free port of this machine."""
    from apps.suite import FIRST, build
    from apps.ui.serve import serve

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        app = build()
        serve(app, warm=FIRST, inbrowser=False, prevent_thread_lock=True)
        yield app
        app.close()


@pytest.fixture(scope="session")
def url(suite: Any) -> str:
    """Where the suite is served, with a slash at the end."""
    return str(suite.local_url)


# Not of the session: Playwright keeps an event loop running in the main thread while it is open,
# and tests of other folders start loops of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium without a window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM))
        yield chromium
        chromium.close()


@pytest.fixture
def engine_of() -> Iterator[Callable[..., Any]]:
    """Makes an engine over some entries, with a loader of its own."""
    from aigc_core.catalog import Catalog
    from aigc_core.catalog_model import CatalogModel
    from aigc_core.engine import Engine
    from aigc_core.loader import Loader

    engines: list[Engine] = []

    def make(*entries: Any) -> Engine:
        catalog = Catalog(list(entries))
        engines.append(Engine(catalog, Loader(lambda model: CatalogModel(catalog.find(model)))))
        return engines[-1]

    yield make
    for engine in engines:
        engine.loader.close()


class Watch:
    """What goes wrong in a page: errors of its scripts, and requests to anywhere but here."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.wrong: list[str] = []
        self._ended: list[float] = []

    def over(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.error(str(error)))
        page.on("console", lambda line: line.type == "error" and self.error(line.text))
        page.on("request", lambda request: self.request(request.url))
        page.on("framenavigated", lambda _: self.left())
        page.on("close", lambda _: self.left())

    def left(self) -> None:
        """A page was left; what it said just before is no matter."""
        self.wrong += [ENDED for at in self._ended if time.monotonic() - at > MOMENTS]
        self._ended.clear()

    def error(self, text: str) -> None:
        if ENDED in text:
            self._ended.append(time.monotonic())
        elif not any(known in text for known in LEAVING):
            self.wrong.append(text)

    def request(self, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:")):
            self.wrong.append(f"a request to {address}")


@pytest.fixture(scope="session")
def watch_for() -> type[Watch]:
    """Makes a watch over the pages of an address."""
    return Watch


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Callable[..., Any]]:
    """Opens a page of the suite as a new visitor, `visit("image", locale="zh-CN")`.

    The test fails when a script of the page does, or asks for anything from another address.
    """
    watch = Watch(url)
    contexts = []

    def open_page(
        path: str = "image", *, locale: str = "en-US", size: tuple[int, int] = (1280, 720)
    ) -> Any:
        context = browser.new_context(
            locale=locale,
            viewport={"width": size[0], "height": size[1]},
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        watch.over(page)
        page.goto(url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not watch.wrong


@pytest.fixture(scope="module", autouse=True)
def young_garbage_only() -> Iterator[None]:
    """Spares the collector the libraries' objects, through which it would go at every unloading."""
    gc.freeze()
    yield
    gc.unfreeze()
