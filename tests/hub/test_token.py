"""The token goes to the host that it belongs to, and to nobody else."""

import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aigc_core.hub import patience
from aigc_core.hub.errors import Gated, HubError, NotFound, Unreachable
from aigc_core.hub.settings import token
from aigc_core.hub.snapshot import fetch
from tests.hub.fixtures import TOKEN, log_in
from tests.hub.models import REPO, SNAPPY, same_files, served
from tests.hub.server import HubServer


def test_the_hub_gets_it_and_the_servers_behind_it_do_not(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository", gated=True)
    log_in(hub, monkeypatch, REPO)
    assert same_files(fetch(source), tmp_path / "repository")
    servers = {(request.server, request.token) for request in hub.requests}
    assert servers == {("hub", TOKEN), ("cdn", None)}


def test_a_mirror_gets_none(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch(source)
    assert {request.token for request in hub.requests} == {None}


def test_a_gated_model_behind_a_mirror_names_the_page_of_the_accounts(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository", gated=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(Gated) as caught:
        fetch(source)
    assert caught.value.link == f"https://huggingface.co/{REPO}"
    assert caught.value.link in caught.value.text.en
    assert caught.value.link in caught.value.text.zh
    monkeypatch.setenv("AIGC_TOKEN_HOST", urlsplit(hub.endpoint).netloc)
    hub.tokens[TOKEN] = set()
    with pytest.raises(Gated) as caught:
        fetch(source)
    assert caught.value.link == f"{hub.endpoint}/{REPO}"


def test_a_redirect_to_another_hub_does_not_carry_it(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer({TOKEN: set()}) as other:
        source = served(hub, tmp_path / "repository")
        served(other, tmp_path / "repository")
        log_in(hub, monkeypatch)
        place = f"{other.endpoint}/{REPO}/resolve/{source.revision}/config.json"
        hub.fault("redirect", "*/config.json", where=place)
        fetch(source)
        assert other.requests
        assert {request.token for request in other.requests} == {None}


def test_the_login_file_is_read_too(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    file = tmp_path / "token"
    file.write_text(TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(file))
    source = served(hub, tmp_path / "repository", private=True)
    with pytest.raises(NotFound):
        fetch(source)
    log_in(hub, monkeypatch, REPO)
    monkeypatch.delenv("HF_TOKEN")
    assert same_files(fetch(source), tmp_path / "repository")


@pytest.mark.parametrize(
    ("endpoint", "host", "sent"),
    [
        ("https://huggingface.co", "", True),
        ("https://huggingface.co/", "", True),
        ("http://huggingface.co", "", False),
        ("https://hf-mirror.com", "", False),
        ("https://huggingface.co.evil.example", "", False),
        ("https://huggingface.co@evil.example", "", False),
        ("https://hub.firm.example", "hub.firm.example", True),
        ("https://hub.firm.example:8443", "hub.firm.example", True),
        ("https://hub.firm.example:8443", "hub.firm.example:443", False),
        ("https://huggingface.co", "hub.firm.example", False),
    ],
)
def test_whom_it_belongs_to(
    endpoint: str, host: str, sent: bool, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    if host:
        monkeypatch.setenv("AIGC_TOKEN_HOST", host)
    assert (token() == TOKEN) is sent


def test_no_error_tells_it(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = served(hub, tmp_path / "repository")
    log_in(hub, monkeypatch)
    hub.fault("status", status=403)
    with pytest.raises(HubError) as caught:
        fetch(source)
    assert TOKEN not in str(caught.value.text)


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    source = served(hub, tmp_path / "repository")
    assert same_files(fetch(source), tmp_path / "repository")


def test_a_token_that_is_being_renewed_for_ever_is_not_waited_for(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def renewed() -> str:
        go.wait(60)
        return TOKEN

    source = served(hub, tmp_path / "repository")
    log_in(hub, monkeypatch)
    monkeypatch.setattr("huggingface_hub.get_token", renewed)
    monkeypatch.setattr(patience, "PATIENCE", replace(SNAPPY, preflight=0.2))
    try:
        with pytest.raises(Unreachable):
            fetch(source)
    finally:
        go.set()
    assert hub.requests == []
