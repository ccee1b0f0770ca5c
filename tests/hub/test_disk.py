"""Room on the disk: asked for before, and missed in the middle."""

import errno
from pathlib import Path

import pytest

from aigc_core.hub import disk
from aigc_core.hub.errors import DiskFull
from aigc_core.hub.growing import Growing
from aigc_core.hub.settings import home
from aigc_core.hub.snapshot import fetch
from tests.hub.models import same_files, served
from tests.hub.server import HubServer


def total(hub: HubServer, repo: str) -> int:
    wanted = ("config.json", "tokenizer.json", "model.safetensors")
    return sum(hub.repositories[repo].files[name].size for name in wanted)


def test_it_needs_the_files_and_a_reserve(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    needs = total(hub, source.repo) + disk.RESERVE
    monkeypatch.setattr(disk, "free_bytes", lambda folder: needs - 1)
    with pytest.raises(DiskFull) as caught:
        fetch(source)
    assert (caught.value.needs, caught.value.free) == (needs, needs - 1)
    assert hub.asked("/cdn/*") == []
    monkeypatch.setattr(disk, "free_bytes", lambda folder: needs)
    assert same_files(fetch(source), tmp_path / "repository")


def test_what_is_here_in_part_is_not_counted(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    sha256 = hub.repositories[source.repo].files["model.safetensors"].sha256
    partial = home(source.repo) / "blobs" / f"{sha256}.aigc.incomplete"
    partial.parent.mkdir(parents=True)
    partial.write_bytes((tmp_path / "repository" / "model.safetensors").read_bytes()[:150_000])
    needs = total(hub, source.repo) - 150_000 + disk.RESERVE
    monkeypatch.setattr(disk, "free_bytes", lambda folder: needs)
    assert same_files(fetch(source), tmp_path / "repository")


def test_a_disk_that_fills_up_meanwhile_is_told(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    append = Growing._append

    async def fills_up(self: Growing, answer: object) -> None:
        if self.file.name == "model.safetensors":
            raise OSError(errno.ENOSPC, "No space left on device")
        await append(self, answer)

    monkeypatch.setattr(Growing, "_append", fills_up)
    with pytest.raises(DiskFull):
        fetch(source)


def test_free_bytes_of_a_folder_that_is_still_to_be_made(tmp_path: Path) -> None:
    assert disk.free_bytes(tmp_path / "a" / "b") > 0
