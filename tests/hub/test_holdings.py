"""What the cache holds, and how it is rid of it."""

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from aigc_core.errors import Cancelled
from aigc_core.hub import disk
from aigc_core.hub.holdings import holdings, remove, sweep
from aigc_core.hub.settings import cache, home
from aigc_core.hub.snapshot import fetch, local
from aigc_core.hub.source import Source
from tests.fresh import fresh
from tests.hub.models import REPO, Watching, pipeline, same_files, served
from tests.hub.server import HubServer

LONG_AGO = 3 * 86_400


def aged(path: Path, seconds: float = LONG_AGO) -> Path:
    """A file that was last touched some time ago."""
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)
    return path


def broken_off(hub: HubServer, source: Source) -> None:
    """A download that was stopped in the middle of the weights."""
    hub.fault("hang", "/cdn/*", after=100_000)
    with pytest.raises(Cancelled):
        fetch(source, Watching(lambda transfer: transfer.done > 90_000))
    hub.mend()


def partial_weights(hub: HubServer, source: Source) -> Path:
    sha256 = hub.repositories[source.repo].files["model.safetensors"].sha256
    return home(source.repo) / "blobs" / f"{sha256}.aigc.incomplete"


def test_an_empty_cache_holds_nothing(hub: HubServer) -> None:
    assert holdings() == ()
    assert sweep() == 0


def test_what_was_downloaded_is_held(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    (holding,) = holdings()
    assert (holding.repo, holding.revision) == (source.repo, source.revision)
    assert holding.bytes == sum(path.stat().st_size for path in snapshot.iterdir())
    assert holding.complete
    assert holding.partial_bytes == 0
    assert holding.last_used == 0  # Nobody has loaded it yet.


def test_a_broken_off_download_is_held_in_part(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    broken_off(hub, source)
    (holding,) = holdings()
    assert not holding.complete
    assert 50_000 < holding.partial_bytes < 150_000


def test_what_another_program_downloaded_is_held(hub: HubServer, tmp_path: Path) -> None:
    source = Source(REPO, hub.add(REPO, pipeline(tmp_path / "repository")))
    code = (
        "import sys, huggingface_hub as h; h.snapshot_download(sys.argv[1], revision=sys.argv[2])"
    )
    fresh(code, source.repo, source.revision)
    (holding,) = holdings()
    assert holding.complete
    (home(REPO) / "snapshots" / source.revision / "unet" / "config.json").unlink()
    (holding,) = holdings()
    assert not holding.complete


def test_what_is_removed_is_gone(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    fetch(source)
    (holding,) = holdings()
    assert remove(source.repo, source.revision) >= holding.bytes
    assert holdings() == ()
    assert local(source) is None
    assert not home(source.repo).exists()
    assert same_files(fetch(source), tmp_path / "repository")


def test_what_another_commit_shares_stays(hub: HubServer, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    old = served(hub, folder)
    fetch(old)
    (folder / "tokenizer.json").write_text('{"version": "2.0"}')
    new = Source(REPO, hub.add(REPO, folder))
    hub.requests.clear()
    fetch(new)
    assert hub.asked("/cdn/*") == []
    assert remove(old.repo, old.revision) < 10_000
    assert local(old) is None
    assert same_files(local(new) or Path(), folder)


def test_a_broken_off_download_can_be_removed(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    broken_off(hub, source)
    assert remove(source.repo, source.revision) > 50_000
    assert holdings() == ()


def test_a_cache_with_a_dangling_link_is_listed_and_removed(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    (fetch(source) / "model.safetensors").resolve().unlink()
    (holding,) = holdings()
    assert not holding.complete
    remove(source.repo, source.revision)
    assert holdings() == ()


def test_removing_what_is_not_there_is_no_trouble(hub: HubServer) -> None:
    assert remove(REPO, "0" * 40) == 0


def test_orphans_are_swept_and_the_rest_stays(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    blobs = home(source.repo) / "blobs"
    for name, age in (
        ("a" * 64, LONG_AGO),
        ("b" * 64, 0),
        (f"{'c' * 64}.0f0f0f0f.incomplete", LONG_AGO),
    ):
        (blobs / name).write_bytes(bytes(1000))
        aged(blobs / name, age)
    for path in snapshot.iterdir():
        aged(path.resolve())
    assert sweep() == 2000
    assert (blobs / ("b" * 64)).exists()
    assert same_files(snapshot, tmp_path / "repository")


def test_a_download_that_can_go_on_is_swept_after_a_month(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    broken_off(hub, source)
    partial = partial_weights(hub, source)
    aged(partial)
    assert sweep() == 0
    aged(partial, 31 * 86_400)
    assert sweep() > 50_000
    assert not partial.exists()


def test_what_is_being_downloaded_is_not_swept(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    broken_off(hub, source)
    partial = partial_weights(hub, source)
    aged(partial, 31 * 86_400)
    with FileLock(disk.lock_path(source.repo, partial.name.split(".")[0])):
        assert sweep() == 0
        remove(source.repo, source.revision)
        assert partial.exists()


def test_other_things_in_the_cache_are_left_alone(hub: HubServer, tmp_path: Path) -> None:
    other = cache() / "datasets--org--name" / "blobs" / ("a" * 64)
    other.parent.mkdir(parents=True)
    other.write_bytes(b"data")
    aged(other)
    (cache() / "models--gpt2" / "snapshots" / "main").mkdir(parents=True)
    (cache() / "models--gpt2" / "snapshots" / "main" / "model.safetensors").write_bytes(b"x" * 9)
    assert sweep() == 0
    assert other.exists()
    assert [(h.repo, h.bytes) for h in holdings()] == [("gpt2", 9)]
