"""What a download brings, where it puts it, and who else can use it."""

import shutil
from pathlib import Path

import pytest

from aigc_core.hub import disk
from aigc_core.hub.errors import Corrupt, Disturbed, Offline
from aigc_core.hub.settings import home
from aigc_core.hub.snapshot import fetch, local
from aigc_core.hub.source import Source
from tests.fresh import fresh
from tests.hub.models import REPO, Watching, names, pipeline, same_files, served
from tests.hub.server import HubServer

BY_HUGGINGFACE = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], revision=sys.argv[2], local_files_only=len(sys.argv) > 3))
"""


def forget(source: Source) -> None:
    """As if another program had downloaded it."""
    shutil.rmtree(home(source.repo) / ".aigc")


def blob(snapshot: Path, name: str = "model.safetensors") -> Path:
    return (snapshot / name).resolve()


def test_it_brings_what_loading_needs_and_no_more(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    assert local(source) is None
    watching = Watching()
    snapshot = fetch(source, watching)
    assert names(snapshot) == {"config.json", "tokenizer.json", "model.safetensors"}
    assert same_files(snapshot, tmp_path / "repository")
    assert local(source) == snapshot
    total = sum(path.stat().st_size for path in snapshot.iterdir())
    assert (watching.seen[-1].done, watching.seen[-1].total) == (total, total)
    done = [transfer.done for transfer in watching.seen]
    assert done == sorted(done)


def test_what_is_here_is_found_without_a_request(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    hub.requests.clear()
    assert fetch(source) == local(source) == snapshot
    assert hub.requests == []


def test_of_a_pipeline_it_brings_the_components(hub: HubServer, tmp_path: Path) -> None:
    source = Source(REPO, hub.add(REPO, pipeline(tmp_path / "repository")))
    assert names(fetch(source)) == {
        "model_index.json",
        "scheduler/scheduler_config.json",
        *(
            f"{component}/{file}"
            for component in ("unet", "vae")
            for file in ("config.json", "diffusion_pytorch_model.safetensors")
        ),
    }


def test_the_pace_of_a_slow_download_is_told(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository", 300_000)
    hub.fault("slow", "/cdn/*", rate=300_000)
    watching = Watching()
    fetch(source, watching)
    guesses = [t.seconds_left for t in watching.seen if t.seconds_left is not None]
    assert guesses
    assert max(guesses) < 20
    assert guesses[-1] == pytest.approx(0, abs=0.5)


def test_huggingface_hub_finds_what_we_downloaded(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    hub.requests.clear()
    printed = fresh(BY_HUGGINGFACE, source.repo, source.revision, "local")
    assert printed.strip() == str(snapshot)


def test_what_huggingface_hub_downloaded_is_verified_once(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    fresh(BY_HUGGINGFACE, source.repo, source.revision)
    assert local(source) is None
    hub.requests.clear()
    watching = Watching()
    snapshot = fetch(source, watching)
    assert local(source) == snapshot
    assert hub.asked("*/resolve/*") == hub.asked("/cdn/*") == []
    assert watching.seen[-1].verifying
    assert "pytorch_model.bin" in names(snapshot)


def test_another_programs_damage_is_mended(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    forget(source)
    damage(blob(snapshot))
    assert same_files(fetch(source), tmp_path / "repository")


def test_a_file_that_changed_later_is_not_trusted(hub: HubServer, tmp_path: Path) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    damage(blob(snapshot))
    assert local(source) is None
    assert same_files(fetch(source), tmp_path / "repository")


@pytest.mark.parametrize("listing", [True, False], ids=["listed", "by its links"])
def test_offline_another_programs_snapshot_is_verified(
    listing: bool, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    fresh(BY_HUGGINGFACE, source.repo, source.revision)
    if not listing:
        shutil.rmtree(home(source.repo) / "trees")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub.requests.clear()
    snapshot = fetch(source)
    assert local(source) == snapshot
    assert hub.requests == []


def test_offline_damage_is_told(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    forget(source)
    damage(blob(snapshot))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Corrupt) as caught:
        fetch(source)
    assert caught.value.file == "model.safetensors"


def test_offline_half_a_model_is_none(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(REPO, hub.add(REPO, pipeline(tmp_path / "repository")))
    snapshot = fetch(source)
    forget(source)
    (snapshot / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    (snapshot / "vae" / "config.json").unlink()
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    with pytest.raises(Offline):
        fetch(source)


def test_without_the_hub_what_is_here_still_serves(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    forget(source)
    hub.fault("status", status=500)
    assert fetch(source) == snapshot


def test_where_links_cannot_be_made_files_stand(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
    source = served(hub, tmp_path / "repository")
    snapshot = fetch(source)
    assert not any(path.is_symlink() for path in snapshot.iterdir())
    assert same_files(snapshot, tmp_path / "repository")
    assert list((home(source.repo) / "blobs").iterdir()) == []
    assert local(source) == snapshot


def test_two_variants_live_side_by_side(hub: HubServer, tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "repository")
    pipeline(tmp_path / "half", variant="fp16")
    for component in ("unet", "vae"):
        name = f"{component}/diffusion_pytorch_model.fp16.safetensors"
        shutil.copy(tmp_path / "half" / name, folder / name)
    commit = hub.add(REPO, folder)
    half = fetch(Source(REPO, commit, "fp16"))
    assert "unet/diffusion_pytorch_model.safetensors" not in names(half)
    assert local(Source(REPO, commit)) is None
    assert fetch(Source(REPO, commit)) == half == local(Source(REPO, commit, "fp16"))


def damage(path: Path) -> None:
    """Changes the last byte, not the length."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_file_that_goes_away_before_its_use_is_told(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = served(hub, tmp_path / "repository")
    with monkeypatch.context() as patch:
        patch.setattr(disk, "show", lambda place, _: place.unlink())
        with pytest.raises(Disturbed):
            fetch(source)
    assert same_files(fetch(source), tmp_path / "repository")
