"""Downloads that end with their process, and processes that want the same at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_core.hub.disk import length
from aigc_core.hub.errors import NotWritable
from aigc_core.hub.settings import home
from aigc_core.hub.snapshot import fetch, local
from aigc_core.hub.transfer import Transfer
from tests.fresh import ROOT
from tests.hub.models import Watching, same_files, served
from tests.hub.server import HubServer
from tests.waiting import end, start, until

FETCH = """
import sys
from aigc_core.hub.snapshot import fetch
from aigc_core.hub.source import Source
print(fetch(Source(sys.argv[1], sys.argv[2])))
"""


def fetching(repo: str, revision: str) -> subprocess.Popen[str]:
    """A process of its own that downloads a model."""
    command = [sys.executable, "-c", FETCH, repo, revision]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def partial_bytes(repo: str) -> int:
    partials = (home(repo) / "blobs").glob("*.incomplete")
    return max(map(length, partials), default=0)  # One may be renamed meanwhile.


def test_a_download_goes_on_after_its_process_was_killed(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository", 2_000_000)
    hub.fault("slow", "/cdn/*", rate=1_000_000)
    process = fetching(source.repo, source.revision)
    until(lambda: partial_bytes(source.repo) > 300_000)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    there = partial_bytes(source.repo)
    assert local(source) is None
    hub.mend()
    hub.requests.clear()
    watching = Watching()
    assert same_files(fetch(source, watching), tmp_path / "repository")
    (asked,) = hub.asked("/cdn/*")
    assert asked.headers["range"] == f"bytes={there}-"
    assert partial_bytes(source.repo) == 0


def test_damage_in_what_was_left_is_found(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    sha256 = hub.repositories[source.repo].files["model.safetensors"].sha256
    partial = home(source.repo) / "blobs" / f"{sha256}.aigc.incomplete"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * 100_000)
    assert same_files(fetch(source), tmp_path / "repository")
    ranges = [request.headers.get("range") for request in hub.asked("/cdn/*")]
    assert ranges == ["bytes=100000-", None]


@pytest.mark.parametrize("size", [200_000, 10_000_000], ids=["whole", "too long"])
def test_all_of_it_left_or_more_is_no_trouble(size: int, hub: HubServer, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    source = served(hub, folder)
    sha256 = hub.repositories[source.repo].files["model.safetensors"].sha256
    partial = home(source.repo) / "blobs" / f"{sha256}.aigc.incomplete"
    partial.parent.mkdir(parents=True)
    content = (folder / "model.safetensors").read_bytes()
    partial.write_bytes(content if size == 200_000 else content.ljust(size, b"x"))
    assert same_files(fetch(source), folder)
    assert len(hub.asked("/cdn/*")) == (0 if size == 200_000 else 1)


def test_two_processes_fetch_each_file_once(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository", 1_000_000)
    hub.fault("slow", "/cdn/*", rate=1_000_000)
    first, second = (fetching(source.repo, source.revision) for _ in range(2))
    watching = Watching()
    until(lambda: partial_bytes(source.repo) > 0)
    snapshot = fetch(source, watching)
    printed = [process.communicate()[0].strip() for process in (first, second)]
    assert printed == [str(snapshot)] * 2
    assert same_files(snapshot, tmp_path / "repository")
    assert len(hub.asked("/cdn/*")) == 1
    # Who waits sees the file grow all the same.
    assert len({transfer.done for transfer in watching.seen}) > 3


def test_a_partial_file_that_vanishes_is_fetched_anew(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    sha256 = hub.repositories[source.repo].files["model.safetensors"].sha256
    partial = home(source.repo) / "blobs" / f"{sha256}.aigc.incomplete"
    hub.fault("drop", "/cdn/*", times=1, after=100_000)

    def clean_up(transfer: Transfer) -> None:
        if hub.asked("/cdn/*") and len(hub.asked("/cdn/*")) == 1 and transfer.done > 99_000:
            partial.unlink(missing_ok=True)

    assert same_files(fetch(source, clean_up), tmp_path / "repository")
    assert hub.asked("/cdn/*")[-1].headers.get("range") is None


def test_two_threads_fetch_each_file_once(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository", 300_000)
    hub.fault("slow", "/cdn/*", rate=600_000)
    found: list[Path] = []
    threads = [start(lambda: found.append(fetch(source))) for _ in range(3)]
    end(*threads)
    assert found == [local(source)] * 3
    assert same_files(found[0], tmp_path / "repository")
    assert len(hub.asked("/cdn/*")) == 1


def test_a_cache_that_cannot_be_written_but_is_complete_serves(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    record = home(source.repo) / ".aigc"
    (record / f"{source.revision}.json").unlink()
    record.rmdir()
    record.write_text("a file where the folder of records would be")
    assert local(source) is None
    assert fetch(source) == local(source) == snapshot


def test_a_name_that_leaves_the_folder_is_left_out(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    files = hub.repositories[source.repo].files
    files["../../../evil.json"] = files["config.json"]
    files["/etc/evil.json"] = files["config.json"]
    snapshot = fetch(source)
    assert not list(tmp_path.rglob("evil.json"))
    assert same_files(snapshot, tmp_path / "repository")


def test_a_folder_below_a_file_says_so(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    with pytest.raises(NotWritable) as caught:
        fetch(source)
    assert caught.value.folder == str(tmp_path / "file" / "hub")
