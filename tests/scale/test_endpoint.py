import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from aigc_core.artifact import read_record
from aigc_core.catalog import Entry
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Progress
from aigc_core.families.remote_errors import RequestRefused, TokenRefused
from aigc_core.media import Image, pixels
from aigc_core.placement import Placement
from aigc_core.tasks import TextToImage
from aigc_core.text import Text
from scale import endpoint
from tests.waiting import SOON, until

WISH = TextToImage.ask(prompt="a lighthouse", width=64, height=72, count=2, steps=3, seed=5)
NOTE = Text("drawing", "正在绘制")
TOKEN = "right"


@dataclass
class Painter:
    """Draws noise of the seed, and keeps what it did.

    Args:
        pause: seconds of a step.
    """

    placement: Placement
    pause: float = 0.0
    asked: list[TextToImage] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        pass


def draw(model: Painter, request: TextToImage) -> Generator[FamilyEvent, None, None]:
    model.asked.append(request)
    if "tomato" in request.prompt:
        raise InvalidRequest(Text("No tomatoes.", "不画番茄。"))
    try:
        for step in range(request.steps):
            time.sleep(model.pause)
            yield Progress(step + 1, request.steps, NOTE)
        outputs = []
        for place in range(request.count):
            rng = np.random.default_rng(request.seed_of(place))
            image = rng.integers(0, 256, (request.height, request.width, 3), dtype=np.uint8)
            outputs.append(Output(Image(image), request.seed_of(place)))
        yield Finished(tuple(outputs))
    finally:
        model.ended.set()


def entry(id: str, family: str, **fields: Any) -> Entry:
    words = {"en": id, "zh": id}
    common = {"title": words, "about": words, "folder": Path(), "served": "painter"}
    licences = {"weights": "", "data": ""}
    return Entry(**{"id": id, "family": family, "licences": licences, **common, **fields})


@contextmanager
def listening(server: Any) -> Iterator[str]:
    """The URL of an ASGI server on a free port of this machine."""
    running = uvicorn.Server(uvicorn.Config(server, port=0, log_level="error"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started)
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/"
    running.should_exit = running.force_exit = True
    thread.join(SOON)


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> Painter:
    """A family of its own, `painter_family`, whose model this is."""
    from aigc_core.gate import Gate

    made = Painter(Placement("cpu", "float32", Gate(), batching=False))
    family = ModuleType("painter_family")
    vars(family).update(
        ANSWERS={TextToImage: draw}, check=lambda: None, load=lambda *_: made, SHARED=True
    )
    monkeypatch.setitem(sys.modules, family.__name__, family)
    return made


@pytest.fixture
def here(painter: Painter, engine_of: Callable[..., Engine]) -> Engine:
    """The engine behind the endpoint."""
    return engine_of(entry("painter", "painter_family", origin="data", revision="1"))


@pytest.fixture
def url(here: Engine) -> Iterator[str]:
    with listening(endpoint.build(here, "painter", TOKEN)) as url:
        yield url


@pytest.fixture
def there(
    url: str, engine_of: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Engine]:
    """The engine of another machine, with a token of its own."""

    def make(token: str = TOKEN) -> Engine:
        monkeypatch.setenv("PAINTER_TOKEN", token)
        family = "aigc_core.families.remote_image"
        fields = {"server": url, "token": "$PAINTER_TOKEN"}
        return engine_of(entry("elsewhere", family, origin="remote", **fields))

    return make


def test_pictures_are_those_of_the_engine_behind_it(
    here: Engine, there: Callable[..., Engine], painter: Painter
) -> None:
    theirs = there().result(WISH).artifacts
    asked = [wish.model_dump(exclude={"seed", "count"}) for wish in painter.asked]
    assert asked == [WISH.model_dump(exclude={"seed", "count"})] * WISH.count
    ours = here.result(WISH, model="painter").artifacts
    for a, b in zip(theirs, ours, strict=True):
        assert np.array_equal(pixels(a.media), pixels(b.media))
        assert a.record.seed == b.record.seed


def test_the_file_carries_the_record_of_the_machine_that_drew_it(url: str, tmp_path: Path) -> None:
    answer = post(url, {"inputs": "a boat", "parameters": {"width": 64, "height": 64, "seed": 9}})
    (tmp_path / "boat.png").write_bytes(answer.content)
    record = read_record(tmp_path / "boat.png")
    assert (record.model, record.seed, record.request["prompt"]) == ("painter", 9, "a boat")


def test_a_client_that_leaves_ends_the_run(there: Callable[..., Engine], painter: Painter) -> None:
    painter.pause = 0.05
    run = there().run(WISH.model_copy(update={"steps": 100}))
    while not painter.asked:
        next(run)
    assert not painter.ended.is_set()
    run.close()
    assert painter.ended.wait(SOON)


def test_nobody_without_the_token(there: Callable[..., Engine], painter: Painter) -> None:
    with pytest.raises(TokenRefused):
        there("wrong").result(WISH)
    assert painter.asked == []


def test_what_the_model_refuses_is_told_there(there: Callable[..., Engine]) -> None:
    with pytest.raises(RequestRefused, match=r"“No tomatoes\.”"):
        there().result(WISH.model_copy(update={"prompt": "a tomato"}))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no json", "Send"),
        (b"[1]", "Send"),
        (b'{"inputs": "a", "parameters": 3}', "Send"),
        (b'{"inputs": "' + b"a" * endpoint.LARGEST + b'"}', "Send"),
        (b'{"inputs": 3}', "Prompt must be"),
        (b'{"inputs": "a", "parameters": {"width": 65}}', "multiple of 8"),
        (b'{"inputs": "a", "parameters": {"count": 16, "steps": 1}}', "no setting"),
        (b'{"inputs": "a", "parameters": {"scheduler": "x"}}', "no setting"),
    ],
)
def test_what_is_no_request_is_refused_in_words(url: str, body: bytes, words: str) -> None:
    answer = post(url, body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def post(url: str, body: Any) -> httpx.Response:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    headers = {"authorization": f"Bearer {TOKEN}"}
    return httpx.post(url, headers=headers, trust_env=False, timeout=SOON, **content)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gpu-box", ""])
def test_without_a_token_no_network_is_served(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[dict[str, Any]] = []
    monkeypatch.setattr(uvicorn, "run", lambda *_, **named: served.append(named))
    monkeypatch.delenv("AIGC_ENDPOINT_TOKEN", raising=False)
    assert endpoint.main(["gan-mnist", "--host", host]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all("AIGC_ENDPOINT_TOKEN" in line for line in told)
    assert served == []
    assert endpoint.main(["gan-mnist", "--host", "127.0.0.1"]) == 0
    monkeypatch.setenv("AIGC_ENDPOINT_TOKEN", TOKEN)
    assert endpoint.main(["gan-mnist", "--host", host]) == 0
    assert [named["host"] for named in served] == ["127.0.0.1", host]
