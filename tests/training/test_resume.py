import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_core.errors import InvalidRequest
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.trainer import STATE
from tests.fresh import ROOT
from tests.training.running import Stop, interrupted, lines, made, trained
from tests.training.tiny import DROPOUT, GAN, LINE, fingerprint, game

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core", "short_trial")


@pytest.mark.parametrize(
    ("recipe", "stops"),
    [(GAN, [1]), (GAN, [4]), (GAN, [7]), (GAN, [5, 6, 13]), (LINE, [6, 13]), (DROPOUT, [6, 13])],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_run_goes_on_where_it_stopped(recipe: Recipe, stops: list[int], tmp_path: Path):
    whole = trained(recipe, tmp_path / "whole")
    for stop in stops:
        interrupted(recipe, tmp_path / "parts", stop)
    parts = made(recipe, tmp_path / "parts")
    assert parts.step == stops[-1] // 4 * 4
    parts.fit()
    assert fingerprint(parts) == fingerprint(whole)
    told = [
        [(row["step"], row["losses"]) for row in lines(tmp_path / n)] for n in ("whole", "parts")
    ]
    assert told[0] == told[1]


def test_resuming_agrees_with_accumulation(tmp_path: Path):
    whole = trained(GAN, tmp_path / "whole", accumulate=2)
    interrupted(GAN, tmp_path / "parts", 9, accumulate=2)
    assert fingerprint(trained(GAN, tmp_path / "parts", accumulate=2)) == fingerprint(whole)


def test_a_killed_process_is_resumed(tmp_path: Path):
    whole = trained(GAN, tmp_path / "whole")
    command = [sys.executable, "-m", "tests.training.tiny", GAN.name, str(tmp_path / "killed")]
    done = subprocess.run([*command, str(GAN.batch), "11"], cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    again = made(GAN, tmp_path / "killed")
    assert again.step == 8
    again.fit()
    assert fingerprint(again) == fingerprint(whole)


def test_a_kill_while_saving_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = trained(GAN, tmp_path / "whole")
    trainer_ = made(GAN, tmp_path / "parts")

    def half(state: Any, path: Path) -> None:
        if state["step"] == 8:
            path.write_bytes(b"PK\x03\x04half")
            raise Stop
        save(state, path)

    save = torch.save
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", half)
        with pytest.raises(Stop):
            trainer_.fit()
    again = made(GAN, tmp_path / "parts")
    assert again.step == 4
    again.fit()
    assert fingerprint(again) == fingerprint(whole)


def test_a_finished_run_stays_as_it_is(tmp_path: Path):
    whole = trained(GAN, tmp_path)
    before = (tmp_path / "log.jsonl").read_bytes()
    again = trained(GAN, tmp_path)
    assert again.step == GAN.steps
    assert fingerprint(again) == fingerprint(whole)
    assert (tmp_path / "log.jsonl").read_bytes() == before


def snapshots(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "snapshots").iterdir()}


def test_a_run_that_starts_again_keeps_no_snapshot_of_the_old_one(tmp_path: Path):
    trained(GAN, tmp_path / "new", steps=9)
    trained(replace(GAN, seed=4), tmp_path / "old")
    (tmp_path / "old" / STATE).unlink()
    made(GAN, tmp_path / "old", steps=9)
    assert snapshots(tmp_path / "old") == {}
    trained(GAN, tmp_path / "old", steps=9)
    assert snapshots(tmp_path / "old") == snapshots(tmp_path / "new")


def test_a_resumed_run_makes_the_snapshots_of_its_lost_future_again(tmp_path: Path):
    trained(GAN, tmp_path / "whole")
    interrupted(GAN, tmp_path / "parts", 7)
    (tmp_path / "parts" / "snapshots" / "notes.txt").touch()
    before = snapshots(tmp_path / "parts")
    assert made(GAN, tmp_path / "parts").step == 4
    gone = before.keys() - snapshots(tmp_path / "parts").keys()
    assert gone == {name for name in before if name[:7].isdecimal() and int(name[:7]) > 4}
    assert gone
    trained(GAN, tmp_path / "parts")
    assert snapshots(tmp_path / "parts") == {**snapshots(tmp_path / "whole"), "notes.txt": b""}


def test_a_run_that_is_refused_loses_nothing(tmp_path: Path):
    trained(GAN, tmp_path, steps=9)
    before = snapshots(tmp_path)
    with pytest.raises(InvalidRequest):
        made(replace(GAN, seed=4), tmp_path, steps=9)
    assert snapshots(tmp_path) == before


def test_how_often_is_saved_changes_nothing(tmp_path: Path):
    for recipe in (GAN, replace(GAN, ema=None)):
        prints = {
            fingerprint(
                trained(recipe, tmp_path / f"{recipe.ema}-{every}", save_every=every, steps=9)
            )
            for every in (2, 100)
        }
        assert len(prints) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 5},
        {"seed": 1},
        {"ema": 0.5},
        {"network.lr": 2e-2},
        {"network.weight_decay": 0.1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_recipe_is_not_gone_on_with(change: dict[str, Any], tmp_path: Path):
    trained(LINE, tmp_path, steps=4)
    ((name, value),) = change.items()
    player, _, setting = name.partition(".")
    if setting:
        optimiser_ = replace(LINE.optimisers[player], **{setting: value})
        changed = replace(LINE, optimisers={player: optimiser_})
    else:
        changed = replace(LINE, **change)
    with pytest.raises(InvalidRequest, match=f"started with {name} = .* now it is {value}"):
        made(changed, tmp_path, steps=4)


def test_another_network_is_not_gone_on_with(tmp_path: Path):
    trained(GAN, tmp_path, steps=4)
    wider = replace(GAN, objective=lambda: game(latent_dim=5))
    with pytest.raises(InvalidRequest, match=r"generator\.weights = "):
        made(wider, tmp_path, steps=4)


@pytest.mark.parametrize("change", [{"steps": 5}, {"accumulate": 2}], ids=["steps", "accumulate"])
def test_other_settings_of_the_run_are_refused(change: dict[str, Any], tmp_path: Path):
    falling = replace(LINE, optimisers={"network": Optimiser(lr=1e-2, cooldown=0.5)})
    trained(falling, tmp_path, steps=4)
    with pytest.raises(InvalidRequest, match=f"{next(iter(change))} = "):
        made(falling, tmp_path, **{"steps": 4, **change})


def test_a_run_without_cooldown_may_be_made_longer(tmp_path: Path):
    whole = trained(LINE, tmp_path / "whole", steps=9)
    trained(LINE, tmp_path / "parts", steps=4)
    assert fingerprint(trained(LINE, tmp_path / "parts", steps=9)) == fingerprint(whole)
    with pytest.raises(InvalidRequest, match="steps = 9, and now it is 8"):
        made(LINE, tmp_path / "parts", steps=8)


def test_another_number_of_processes_is_refused(tmp_path: Path):
    trained(LINE, tmp_path, steps=4)
    state = torch.load(tmp_path / STATE, weights_only=True)
    state["settings"]["processes"] = "2"
    torch.save(state, tmp_path / STATE)
    with pytest.raises(InvalidRequest, match="processes = 2"):
        made(LINE, tmp_path, steps=4)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04half", b"\x80\x02]q\x00.", {"step": 4}])
def test_a_checkpoint_that_cannot_be_read_is_said(content: Any, tmp_path: Path):
    if isinstance(content, bytes):
        (tmp_path / STATE).write_bytes(content)
    else:
        torch.save(content, tmp_path / STATE)
    with pytest.raises(InvalidRequest, match="Without it, this run starts again"):
        made(LINE, tmp_path)
