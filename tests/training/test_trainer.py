from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file
from torch import nn

from aigc_core.errors import UnreadableFile
from aigc_core.training import trainer
from aigc_core.training.recipe import Optimiser, Recipe, examples_per_step
from aigc_core.training.ship import read_settings, write_weights
from aigc_core.training.snapshots import marks
from aigc_core.training.trainer import Trainer, optimiser
from tests.training.running import interrupted, lines, made, trained
from tests.training.tiny import DROPOUT, GAN, LINE, fingerprint

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core", "short_trial")


def test_the_seed_decides(tmp_path: Path):
    prints = [
        fingerprint(trained(replace(GAN, seed=seed), tmp_path / name))
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    ]
    assert prints[0] == prints[1] != prints[2]


def test_the_trial_changes_nothing(tmp_path: Path):
    for recipe in (GAN, LINE, DROPOUT):
        trainer_ = made(recipe, tmp_path / recipe.name)
        before = fingerprint(trainer_)
        losses = [trainer_._trial() for _ in range(3)]
        assert losses[0] == losses[1] == losses[2]
        assert fingerprint(trainer_) == before
        for player in trainer_.objective.players.values():
            assert player.training
            assert all(weight.grad is None for weight in player.parameters())


@pytest.mark.parametrize("recipe", [GAN, DROPOUT], ids=lambda recipe: recipe.name)
def test_the_length_of_the_trial_does_not_matter(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    prints = set()
    for count in (1, 2, 7):

        def choose(losses: Callable[[], list[float]], _: Any, count: int = count) -> str:
            for _ in range(count):
                losses()
            return "no"

        monkeypatch.setattr(trainer, "choose", choose)
        prints.add(fingerprint(trained(recipe, tmp_path / str(count))))
    assert len(prints) == 1


@pytest.mark.parametrize("chosen", ["no", "bf16"])
def test_the_precision_is_chosen_once_and_kept(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trainer, "choose", lambda losses, device: chosen)
    whole = trained(GAN, tmp_path / "whole")
    interrupted(GAN, tmp_path / "parts", 9)
    monkeypatch.setattr(trainer, "choose", lambda losses, device: pytest.fail("chosen again"))
    parts = trained(GAN, tmp_path / "parts")
    assert parts.precision == whole.precision == chosen
    assert fingerprint(parts) == fingerprint(whole)
    assert {weight.dtype for weight in parts.result.parameters()} == {torch.float32}


def test_bf16_is_used_where_it_was_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    prints = []
    for chosen in ("no", "bf16"):
        monkeypatch.setattr(trainer, "choose", lambda losses, device, chosen=chosen: chosen)
        prints.append(fingerprint(trained(GAN, tmp_path / chosen)))
    assert prints[0] != prints[1]


def momenta(trainer_: Trainer) -> list[torch.Tensor]:
    states = trainer_.optimisers["network"].state_dict()["state"].values()
    return [state["exp_avg"] for state in states]


def test_two_batches_accumulated_are_one_of_twice_the_size(tmp_path: Path):
    twice = trained(LINE, tmp_path / "accumulated", accumulate=2)
    once = trained(replace(LINE, batch=2 * LINE.batch), tmp_path / "large")
    assert twice.step == once.step == LINE.steps
    for a, b in zip(twice.result.parameters(), once.result.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    # Adam's steps do not tell how large gradients are, but what it remembers of them does.
    for a, b in zip(momenta(twice), momenta(once), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)
    rows = [lines(tmp_path / name)[-1]["losses"]["network"] for name in ("accumulated", "large")]
    assert rows[0] == pytest.approx(rows[1], rel=1e-5)


def test_training_lowers_the_loss(tmp_path: Path):
    trained(replace(LINE, steps=60), tmp_path)
    rows = lines(tmp_path)
    assert rows[-1]["losses"]["network"] < 0.8 * rows[0]["losses"]["network"]


def test_a_players_loss_moves_that_player_alone(tmp_path: Path):
    frozen = replace(
        GAN, optimisers={"generator": GAN.optimisers["generator"], "discriminator": Optimiser(0.0)}
    )
    trainer_ = made(frozen, tmp_path)
    before = {n: p.detach().clone() for n, p in discriminator(trainer_).named_parameters()}
    made_before = [w.detach().clone() for w in trainer_.objective.players["generator"].parameters()]
    trainer_.advance()
    for name, weight in discriminator(trainer_).named_parameters():
        assert torch.equal(weight, before[name])
        assert weight.grad is None
    made_after = trainer_.objective.players["generator"].parameters()
    assert all(not torch.equal(a, b) for a, b in zip(made_before, made_after, strict=True))


def discriminator(trainer_: Trainer) -> nn.Module:
    return trainer_.objective.players["discriminator"]


def test_what_ships_is_the_average_in_eval_mode(tmp_path: Path):
    trainer_ = made(GAN, tmp_path / "with")
    network = trainer_.fit()
    assert network is trainer_.average.network
    assert not network.training
    bare = made(replace(GAN, ema=None), tmp_path / "without")
    assert bare.fit() is bare.objective.players["generator"]
    assert not bare.result.training


@pytest.mark.parametrize("cooldown", [0.0, 0.25, 0.5, 1.0])
def test_learning_rates_stay_and_then_fall_in_a_straight_line(cooldown: float, tmp_path: Path):
    steps = 12
    falls = {"generator": cooldown, "discriminator": 0.5}
    optimisers = {n: replace(GAN.optimisers[n], cooldown=share) for n, share in falls.items()}
    trainer_ = made(replace(GAN, optimisers=optimisers), tmp_path, steps=steps)
    rates: list[dict[str, float]] = []
    for name in trainer_.optimisers:
        original = trainer_.optimisers[name].step

        def step(name: str = name, original: Callable[[], Any] = original) -> Any:
            groups = trainer_.optimisers[name].param_groups
            (rate,) = {group["lr"] for group in groups}
            rates.append({name: rate})
            return original()

        trainer_.optimisers[name].step = step  # type: ignore[method-assign]
    trainer_.fit()
    for player, share in falls.items():
        seen = [row[player] for row in rates if player in row]
        falling = round(steps * share)
        for index, rate in enumerate(seen):
            left = steps - index
            assert rate == pytest.approx(1e-2 * (min(1, left / falling) if falling else 1))
        assert len(seen) == steps
        assert all(a >= b for a, b in pairwise(seen))
        assert seen[0] == pytest.approx(1e-2)
        assert seen[-1] > 0


def test_decay_is_for_matrices_alone():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 2))
    made_ = optimiser(network, Optimiser(lr=0.1, betas=(0.5, 0.9), weight_decay=0.3))
    decay = {
        id(weight): group["weight_decay"]
        for group in made_.param_groups
        for weight in group["params"]
    }
    for weight in network.parameters():
        assert decay[id(weight)] == (0.3 if weight.ndim > 1 else 0.0)
    assert all(group["betas"] == (0.5, 0.9) for group in made_.param_groups)


def test_the_log_has_a_line_per_save(tmp_path: Path):
    trained(GAN, tmp_path)
    rows = lines(tmp_path)
    assert [row["step"] for row in rows] == [4, 8, 12, 16, 17]
    for row in rows:
        assert set(row) == {"step", "losses", "images_per_s"}
        assert set(row["losses"]) == {"generator", "discriminator"}
        assert row["images_per_s"] > 0


def test_the_log_has_the_mean_since_the_last_line(tmp_path: Path):
    losses = []
    trainer_ = made(LINE, tmp_path)
    advance = trainer_.advance

    def listen() -> dict[str, torch.Tensor]:
        found = advance()
        losses.append(float(found["network"]))
        return found

    trainer_.advance = listen  # type: ignore[method-assign]
    trainer_.fit()
    for index, row in enumerate(lines(tmp_path)):
        expected = np.mean(losses[4 * index : 4 * index + 4])
        assert row["losses"]["network"] == pytest.approx(expected, rel=1e-5)


def test_the_curves_are_an_svg(tmp_path: Path):
    trained(GAN, tmp_path)
    root = ET.parse(tmp_path / "losses.svg").getroot()
    names = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"generator", "discriminator", "step 17"} <= set(names)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2


def test_sample_grids_are_the_pictures_shown(tmp_path: Path):
    trainer_ = trained(GAN, tmp_path)
    grids = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert grids == [f"{step:07d}.png" for step in (4, 8, 12, 16, 17)]
    shown = trainer_.objective.show({"generator": trainer_.result})
    assert shown is not None
    levels = (shown * 255).round().byte().numpy()
    with Pillow.open(tmp_path / "samples" / grids[-1]) as opened:
        page = np.asarray(opened)
    assert page.dtype == np.uint8
    assert page.shape == (50, 50)
    for index, picture in enumerate(levels):
        row, column = divmod(index, 10)
        part = page[5 * row : 5 * row + 5, 5 * column : 5 * column + 5]
        assert np.array_equal(part, picture)


def test_fewer_steps_than_the_recipe_has(tmp_path: Path):
    trainer_ = trained(LINE, tmp_path, steps=3)
    assert trainer_.step == 3
    assert [row["step"] for row in lines(tmp_path)] == [3]


def test_snapshots_are_the_shipped_network_on_its_way(tmp_path: Path):
    trainer_ = trained(GAN, tmp_path)
    kept = sorted((tmp_path / "snapshots").iterdir())
    steps = [int(path.stem) for path in kept]
    assert steps == marks(GAN.steps)
    assert steps[-1] == GAN.steps
    last = load_file(kept[-1])
    for name, value in trainer_.result.state_dict().items():
        assert torch.equal(last[name], value.half() if value.is_floating_point() else value)


def test_snapshots_tell_the_settings_that_they_come_from(tmp_path: Path):
    trainer_ = trained(LINE, tmp_path, steps=2, accumulate=3)
    for file in (tmp_path / "snapshots").iterdir():
        told = read_settings(file)
        assert told == trainer_.settings()
        assert examples_per_step(told) == 3 * LINE.batch


def test_processes_and_accumulation_count_and_are_one_where_nothing_is_told():
    assert examples_per_step({"batch": "8"}) == 8
    assert examples_per_step({"batch": "8", "accumulate": "3", "processes": "2"}) == 48


def test_a_file_that_is_not_of_weights_has_no_settings(tmp_path: Path):
    bare, other = tmp_path / "bare.safetensors", tmp_path / "other.safetensors"
    write_weights(torch.nn.Linear(2, 2), bare, half=True)
    assert read_settings(bare) == {}
    other.write_bytes(b"no tensors")
    for path in (other, tmp_path / "missing.safetensors"):
        with pytest.raises(UnreadableFile, match=path.name):
            read_settings(path)


def test_snapshots_lie_closer_at_the_start():
    steps = marks(10_000)
    assert len(steps) == 24
    assert (steps[0], steps[-1]) == (10, 10_000)
    ratios = [b / a for a, b in pairwise(steps)]
    assert max(ratios) < 1.2 * min(ratios)
    assert marks(3) == [1, 2, 3]
