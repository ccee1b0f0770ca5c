"""Fixtures that other folders can import too: `from tests.hub.fixtures import hub`."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.hub.server import HubServer

TOKEN = "hf_of_the_tests"
SETTINGS = (
    "HF_TOKEN",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_DISABLE_SYMLINKS",
    "AIGC_TOKEN_HOST",
)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub that this process takes for the real one, with an empty cache of its own."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    with HubServer() as server:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        # The library has read its switch already, when it was imported.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        yield server


def log_in(hub: HubServer, monkeypatch: pytest.MonkeyPatch, *opens: str) -> None:
    """Gives the visitor a token that belongs to this hub and opens these repositories."""
    hub.tokens[TOKEN] = set(opens)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("AIGC_TOKEN_HOST", urlsplit(hub.endpoint).netloc)
