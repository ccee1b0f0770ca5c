"""Inference providers, which huggingface_hub knows by name: the hub says who serves what."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from aigc_core.catalog import Catalog
from aigc_core.catalog_model import CatalogModel
from aigc_core.engine import Engine
from aigc_core.errors import ModelUnavailable
from aigc_core.families import remote_errors
from aigc_core.hub.errors import NotFound
from aigc_core.loader import Loader
from aigc_core.media import Image
from aigc_core.tasks import TextToImage
from tests.families.remote.asking import entry

WISH = TextToImage.ask(prompt="a lighthouse", width=64, height=96, steps=3, seed=5)
PIXELS = np.random.default_rng(0).integers(0, 256, (96, 64, 3), dtype=np.uint8)
KEY, ACCOUNT = "key-of-the-provider", "hf_of_the_account"
SERVED = {"provider": "together", "providerId": "theirs/tiny", "status": "live"}


class Server(ThreadingHTTPServer):
    """The hub and the provider in one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []
        # The token of each question to the hub.
        self.looked_up: list[str | None] = []
        self.key, self.task = "together", "text-to-image"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Tests have their own words."""

    def do_GET(self) -> None:
        self.server.looked_up.append(self.headers["authorization"])
        if self.path.startswith("/api/models/org/tiny?"):
            mapping = {self.server.key: {**SERVED, "task": self.server.task}}
            self.answer(200, {"id": "org/tiny", "inferenceProviderMapping": mapping})
        else:
            self.answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers["authorization"], body))
        file = io.BytesIO()
        Pillow.fromarray(PIXELS).save(file, "PNG")
        if self.server.key == "hf-inference":
            self.answer(200, file.getvalue())
        else:
            self.answer(200, {"data": [{"b64_json": base64.b64encode(file.getvalue()).decode()}]})

    def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """What huggingface_hub takes for the hub, and for the provider."""
    from huggingface_hub import close_session, constants
    from huggingface_hub.inference import _providers
    from huggingface_hub.inference._providers import _common

    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    helper = _providers.PROVIDERS["together"]["text-to-image"]
    monkeypatch.setattr(helper, "base_url", server.url)
    monkeypatch.setenv("HF_TOKEN", ACCOUNT)
    monkeypatch.setenv("THEIR_KEY", KEY)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setattr(_common, "HARDCODED_MODEL_INFERENCE_MAPPING", {})
    _common._fetch_inference_provider_mapping.cache_clear()
    close_session()
    yield server
    close_session()
    _common._fetch_inference_provider_mapping.cache_clear()
    server.shutdown()
    thread.join()
    server.server_close()


def engine_of(**fields: Any) -> Engine:
    fields = {"server": "together", "token": "$THEIR_KEY", **fields}
    catalog = Catalog([entry("image", **fields)])
    return Engine(catalog, Loader(lambda model: CatalogModel(catalog.find(model))))


def test_a_picture_of_a_provider(server: Server) -> None:
    (artifact,) = engine_of().result(WISH).artifacts
    ((path, key, body),) = server.asked
    assert path == "/v1/images/generations"
    # The provider's own key goes to the provider; the account's to nobody.
    assert key == f"Bearer {KEY}"
    assert (body["model"], body["prompt"], body["seed"]) == ("theirs/tiny", "a lighthouse", 5)
    assert isinstance(artifact.media, Image)
    assert np.array_equal(artifact.media.pixels, PIXELS)
    assert artifact.record.details["server"] == "together"
    assert artifact.record.details["served"] == "org/tiny"
    # The hub is asked once, by us: it is one that nobody has named for the account's token.
    assert server.looked_up == [None]


def test_the_accounts_token_goes_to_a_hub_that_the_host_names(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_TOKEN_HOST", "127.0.0.1")
    engine_of().result(WISH)
    assert server.looked_up == [f"Bearer {ACCOUNT}"]
    assert [key for _, key, _ in server.asked] == [f"Bearer {KEY}"]


def test_a_model_that_is_served_for_something_else_is_refused(server: Server) -> None:
    server.task = "conversational"
    with pytest.raises(remote_errors.NotServed):
        engine_of().result(WISH)


def test_hugging_faces_own_provider_is_asked_without_asking_the_hub_twice(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", f"{server.url}/{{provider}}")
    monkeypatch.setitem(SERVED, "provider", "hf-inference")
    server.task, server.key = "text-to-image", "hf-inference"
    (artifact,) = engine_of(server="hf-inference").result(WISH).artifacts
    ((path, key, body),) = server.asked
    assert (path, key) == ("/hf-inference/models/org/tiny", f"Bearer {KEY}")
    assert body["inputs"] == "a lighthouse"
    assert isinstance(artifact.media, Image)
    assert np.array_equal(artifact.media.pixels, PIXELS)
    assert server.looked_up == [None]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"served": "org/nowhere"}, NotFound),
        ({"server": "fal-ai"}, remote_errors.NotServed),
        ({"token": ""}, remote_errors.TokenMissing),
        ({"token": "$NOT_SET_HERE"}, remote_errors.TokenMissing),
    ],
    ids=["no such model", "not served by it", "no token", "no token set"],
)
def test_what_it_cannot_do_is_said_in_words(
    server: Server, fields: dict[str, str], expected: type[ModelUnavailable]
) -> None:
    with pytest.raises(expected):
        engine_of(**fields).result(WISH)
    assert server.asked == []


def test_a_hub_that_cannot_be_asked_is_said_in_words(server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        engine_of().result(WISH)
