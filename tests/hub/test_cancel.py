"""Whoever waits can stop, at every stage, and soon."""

import socket
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from aigc_core.errors import Cancelled
from aigc_core.hub import disk
from aigc_core.hub.snapshot import fetch
from aigc_core.hub.transfer import Transfer
from tests.hub.models import Watching, same_files, served
from tests.hub.server import HubServer
from tests.waiting import until

# A step of the clock and the 0.2 s that the word may take, on a machine that is busy.
SOON = 0.5
WISH = 0.4


def hang_at_first(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.fault("hang", "/api/*")


def hang_before_a_file(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.fault("hang", "/cdn/*")


def hang_within_a_file(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.fault("hang", "/cdn/*", after=50_000)


def flow_slowly(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.fault("slow", "/cdn/*", rate=10_000)


def be_busy(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.fault("status", "/cdn/*", status=429, headers={"Retry-After": "30"})


def be_broken(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.fault("status", "/cdn/*", status=503)


def find_no_name(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that does not answer holds its thread."""

    def look_up(*_: Any, **__: Any) -> Any:
        time.sleep(3)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")


STAGES = (
    hang_at_first,
    hang_before_a_file,
    hang_within_a_file,
    flow_slowly,
    be_busy,
    be_broken,
    find_no_name,
)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_download_ends_soon_after_the_wish(
    stage: Callable[[HubServer, pytest.MonkeyPatch], None],
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = served(hub, tmp_path / "repository")
    stage(hub, monkeypatch)
    began = time.monotonic()
    wished: list[float] = []
    calls: list[float] = []

    def stop(transfer: Transfer) -> bool:
        calls.append(time.monotonic())
        if calls[-1] - began < WISH:
            return False
        wished.append(calls[-1])
        return True

    with pytest.raises(Cancelled):
        fetch(source, Watching(stop))
    assert time.monotonic() - wished[0] < SOON
    # The wish itself is heard within a step of the clock.
    assert len(calls) > 2
    assert max(b - a for a, b in pairwise(calls)) < SOON
    # Nothing is held: who comes next can have the file.
    for lock in (tmp_path / "hf" / "hub" / ".locks").rglob("*.lock"):
        FileLock(lock, timeout=0).acquire().lock.release()


def test_waiting_for_another_process_can_be_stopped(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    sha256 = hub.repositories[source.repo].files["model.safetensors"].sha256
    path = disk.lock_path(source.repo, sha256 or "")
    path.parent.mkdir(parents=True)
    began = time.monotonic()
    with FileLock(path), pytest.raises(Cancelled):
        fetch(source, Watching(lambda transfer: time.monotonic() - began > WISH))
    assert time.monotonic() - began < WISH + SOON
    assert same_files(fetch(source), tmp_path / "repository")


def test_verifying_can_be_stopped(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository", 30_000_000)
    snapshot = fetch(source)
    weights = snapshot / "model.safetensors"
    weights.touch()
    with pytest.raises(Cancelled):
        fetch(source, Watching(lambda transfer: transfer.verifying))


def test_what_had_come_is_not_fetched_again(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    fault = hub.fault("hang", "/cdn/*", after=80_000)
    with pytest.raises(Cancelled):
        fetch(source, Watching(lambda transfer: transfer.done > 75_000))
    until(lambda: hub.asked("/cdn/*"))
    hub.mend()
    assert fault.after == 80_000
    hub.requests.clear()
    watching = Watching()
    fetch(source, watching)
    (asked,) = hub.asked("/cdn/*")
    assert int(asked.headers["range"].removeprefix("bytes=").removesuffix("-")) > 60_000
    assert all(t.done > 60_000 for t in watching.seen if t.total)
