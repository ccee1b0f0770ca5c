"""Each row of the fault table happens, and comes out as it says."""

import time
from pathlib import Path

import pytest

from aigc_core.hub import patience
from aigc_core.hub.errors import HubError, Unreachable
from aigc_core.hub.snapshot import fetch, local
from tests.hub.fault_table import PAGE, ROWS, Row, Scene, page
from tests.hub.models import SNAPPY, Watching, same_files, served
from tests.hub.server import HubServer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_fault_comes_out_as_the_table_says(
    row: Row, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", SNAPPY)
    folder = tmp_path / "repository"
    source = served(hub, folder)
    row.arrange(Scene(hub, monkeypatch, folder))
    if repository := hub.repositories.get(source.repo):
        source = type(source)(source.repo, repository.commit)
    start = time.monotonic()
    if row.outcome is None:
        snapshot = fetch(source)
        assert same_files(snapshot, folder)
        assert local(source) == snapshot
    else:
        with pytest.raises(HubError) as caught:
            fetch(source)
        assert type(caught.value) is row.outcome
        assert caught.value.text.en != caught.value.text.zh
        assert local(source) is None
    assert time.monotonic() - start < 8


def test_a_repaired_hub_lets_a_failed_download_finish(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", SNAPPY)
    source = served(hub, tmp_path / "repository")
    hub.fault("drop", "/cdn/*", times=1, after=60_000)
    hub.fault("status", "/cdn/*", status=503)
    with pytest.raises(HubError):
        fetch(source)
    hub.mend()
    hub.requests.clear()
    assert same_files(fetch(source), tmp_path / "repository")
    (again,) = hub.asked("/cdn/*")
    assert again.headers["range"] == "bytes=60000-"


def test_waiting_for_a_busy_hub_is_told(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", SNAPPY)
    source = served(hub, tmp_path / "repository")
    hub.fault("status", "/cdn/*", times=1, status=429, headers={"Retry-After": "1"})
    watching = Watching()
    fetch(source, watching)
    assert max(transfer.waiting or 0 for transfer in watching.seen) == pytest.approx(1, abs=0.2)
    first, second = hub.asked("/cdn/*")
    assert second.at - first.at >= 1


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://hub.invalid", "http://[::1", "http://"])
def test_an_address_that_is_none_is_told(
    endpoint: str, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", SNAPPY)
    source = served(hub, tmp_path / "repository")
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(Unreachable):
        fetch(source)


def test_a_proxy_that_cannot_be_used_is_told(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(Unreachable):
        fetch(source)


def test_the_page_of_faults_is_that_of_the_tests() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.hub.fault_table"
