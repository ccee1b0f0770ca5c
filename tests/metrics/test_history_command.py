"""From the snapshots of a small run to the files beside its weights."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file

from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import InvalidRequest, UnreadableFile
from aigc_core.families.image_sampler import LoadedSampler
from aigc_core.gate import Gate
from aigc_core.metrics import history
from aigc_core.metrics.frechet import frechet_distance, moments
from aigc_core.metrics.history import (
    Moment,
    as_json,
    fingerprint,
    history_beside,
    main,
    measured,
    put_together,
    snapshots,
    sprite,
    write,
)
from aigc_core.metrics.inception_score import inception_score
from aigc_core.metrics.judge import judge
from aigc_core.metrics.rank import rank_correlation
from aigc_core.metrics.reference import read
from aigc_core.metrics.training_history import HISTORY, SPRITE, read_history
from aigc_core.models.dcgan import Generator as Conditional
from aigc_core.placement import Placement
from aigc_core.training import recipes
from aigc_core.training.ship import ship
from tests.histories import RECIPE, STEPS, frame, game, losses_of, run

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

COUNT = 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def found(folder: Path) -> Iterator[list[Moment]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield list(measured(RECIPE, folder, COUNT))
    torch.set_num_threads(threads)


def drawn(file: Path, count: int) -> np.ndarray:
    """Pictures (n, 28, 28) uint8 of a snapshot, the plain way."""
    network = game().players["generator"]
    network.load_state_dict(load_file(file))
    rows = [torch.randn(4, generator=torch.Generator().manual_seed(seed)) for seed in range(count)]
    with torch.no_grad():
        values = network.float().eval().sample(torch.stack(rows))  # type: ignore[operator]
    return (values.numpy() * 255 + 0.5).astype(np.uint8)


def test_every_snapshot_is_measured_as_its_pictures_say(found: list[Moment], folder: Path):
    assert tuple(moment.step for moment in found) == STEPS
    for moment, file in zip(found, snapshots(folder).values(), strict=True):
        features, logits = judge(drawn(file, COUNT).astype(np.float32) / 255)
        wanted = frechet_distance(moments(features), read().moments)
        assert moment.fid == pytest.approx(wanted, rel=1e-3)
        assert moment.inception_score == pytest.approx(inception_score(logits).mean, rel=1e-3)
        assert moment.shares.sum() == pytest.approx(1)


def test_the_sprite_holds_the_pictures_of_each_snapshot(
    found: list[Moment], folder: Path, tmp_path: Path
):
    write(put_together(RECIPE, folder, found, COUNT), found, tmp_path)
    for place, file in enumerate(snapshots(folder).values()):
        shown = frame(tmp_path, place).reshape(6, 28, 6, 28).transpose(0, 2, 1, 3)
        wanted = drawn(file, 36).astype(int)
        # Rounded to 16 levels, so at most half a level of 17 off; and a level of 255 by batching.
        assert np.abs(shown.reshape(36, 28, 28) - wanted).max() <= 9


def test_what_is_written_is_read_and_always_the_same(
    found: list[Moment], folder: Path, tmp_path: Path
):
    made = put_together(RECIPE, folder, found, COUNT)
    one, two = tmp_path / "one" / "tiny", tmp_path / "two" / "tiny"
    again = list(measured(RECIPE, folder, COUNT))
    write(made, found, one)
    write(put_together(RECIPE, folder, again, COUNT), again, two)
    assert read_history(one) == made
    for name in (HISTORY, SPRITE, "history.svg"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    assert as_json(made).count("\n") < 20


def test_the_history_says_how_losses_go_with_the_fid(found: list[Moment], folder: Path):
    made = put_together(RECIPE, folder, found, COUNT)
    assert made.images == tuple(8 * step for step in STEPS)
    falling, rising = losses_of(made, "discriminator"), losses_of(made, "generator")
    assert falling.moments == len(STEPS)
    fids = np.array([moment.fid for moment in found])
    wanted = rank_correlation(np.arange(len(STEPS), dtype=float), fids)
    assert rising.rank_correlation == pytest.approx(wanted, abs=1e-3)
    assert falling.rank_correlation == pytest.approx(-wanted, abs=1e-3)
    assert falling.values[0] == pytest.approx(9 / 4)
    assert falling.images[0] == 8 * 2


def test_moments_before_the_first_line_of_the_log_do_not_count(
    found: list[Moment], folder: Path, tmp_path: Path
):
    late = run(tmp_path / "late")
    lines = (late / "log.jsonl").read_text().splitlines(keepends=True)
    (late / "log.jsonl").write_text("".join(lines[2:]))
    made = put_together(RECIPE, late, found, COUNT)
    assert [(loss.moments, loss.rank_correlation) for loss in made.losses] == [(2, None)] * 2


def test_what_came_after_the_last_line_of_the_log_is_left_out(found: list[Moment], tmp_path: Path):
    going = run(tmp_path / "going", (4, 16, 40, 64))
    lines = (going / "log.jsonl").read_text().splitlines(keepends=True)
    (going / "log.jsonl").write_text("".join(lines[:10]))
    assert list(snapshots(going)) == [4, 16, 40]
    moments = [replace(moment, step=step) for moment, step in zip(found, (4, 16, 40), strict=True)]
    made = put_together(RECIPE, going, moments, COUNT)
    assert made.weights == fingerprint(going / "snapshots" / "0000040.safetensors")
    assert [loss.moments for loss in made.losses] == [3, 3]
    (going / "log.jsonl").write_text(lines[0])
    with pytest.raises(UnreadableFile, match="as far as its log reaches"):
        snapshots(going)


def test_pictures_are_counted_over_processes_and_accumulation(found: list[Moment], tmp_path: Path):
    several = run(tmp_path, settings={"batch": "5", "accumulate": "3", "processes": "2"})
    made = put_together(RECIPE, several, found, COUNT)
    assert made.images == tuple(30 * step for step in STEPS)
    assert losses_of(made, "generator").images[0] == 30 * 2


def test_moments_of_a_warmup_do_not_count(found: list[Moment], folder: Path):
    warming = replace(RECIPE, objective=lambda: SimpleNamespace(warmup=10))  # type: ignore[arg-type, return-value]  # fmt: skip
    made = put_together(warming, folder, found, COUNT)
    assert made.warmup == 10
    assert [loss.moments for loss in made.losses] == [2, 2]


def test_a_critic_is_turned_over(found: list[Moment], folder: Path, tmp_path: Path):
    other = run(tmp_path / "other")
    log = other / "log.jsonl"
    log.write_text(log.read_text().replace("discriminator", "critic"))
    turned = losses_of(put_together(RECIPE, other, found, COUNT), "critic")
    plain = losses_of(put_together(RECIPE, folder, found, COUNT), "discriminator")
    assert turned.sign == -1
    assert turned.values == tuple(-value for value in plain.values)
    assert turned.rank_correlation == pytest.approx(-plain.rank_correlation)


def test_a_conditional_network_shows_the_digits_in_turn(monkeypatch: pytest.MonkeyPatch):
    network = Conditional(class_counts=[5, 1, 1, 1, 1, 1, 1, 1, 1, 5])
    asked: list[torch.Tensor] = []

    def sample(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        asked.append(y)
        return torch.zeros(len(y), 28, 28)

    monkeypatch.setattr(network, "sample", sample)
    model = LoadedSampler(network, Placement("cpu", "float32", Gate(), batching=False))
    history.frame(model)
    assert torch.cat(asked).tolist() == [place % 10 for place in range(36)]
    asked.clear()
    history.pictures(model, 180, "any")
    assert np.bincount(torch.cat(asked)).tolist() == pytest.approx([50] + [10] * 8 + [50], abs=2)


def test_the_command_writes_the_files_and_prints_the_figures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(recipes, "find", lambda _: RECIPE)
    out = tmp_path / "tiny"
    options = ["tiny", "--folder", str(folder), "--count", str(COUNT), "--out", str(out)]
    assert main(options) == 0
    printed = capsys.readouterr().out
    assert printed.count("FID") == len(STEPS) + 2
    assert "generator: rank correlation with the FID" in printed
    assert sorted(file.name for file in out.iterdir()) == [HISTORY, SPRITE, "history.svg"]
    assert read_history(out).protocol.count == COUNT


@pytest.mark.parametrize(("language", "said"), [("en", "two at least"), ("zh", "至少需要两个")])
def test_a_run_without_snapshots_is_named(
    language: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    monkeypatch.setattr(recipes, "find", lambda _: RECIPE)
    assert main(["tiny", "--folder", str(tmp_path), "--lang", language]) == 2
    assert said in capsys.readouterr().err


def test_a_recipe_that_draws_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for language, said in (("en", "draws no pictures"), ("zh", "不会画图")):
        assert main(["mnist-classifier", "--folder", str(tmp_path), "--lang", language]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert "mnist-classifier" in told


def test_too_few_pictures_are_refused(folder: Path):
    with pytest.raises(InvalidRequest, match="at least 100, not 99"):
        measured(RECIPE, folder, 99)


@pytest.mark.parametrize("content", [b"", b"no tensors"])
def test_a_damaged_snapshot_is_refused(content: bytes, tmp_path: Path):
    broken = run(tmp_path)
    next(iter(snapshots(broken).values())).write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"0000004\.safetensors"):
        list(measured(RECIPE, broken, COUNT))


def test_the_weights_that_ship_have_the_last_snapshots_fingerprint(
    found: list[Moment], folder: Path, tmp_path: Path
):
    made = put_together(RECIPE, folder, found, COUNT)
    home = write(made, found, tmp_path / "tiny")
    network = game().players["generator"]
    network.load_state_dict(load_file(snapshots(folder)[STEPS[-1]]))
    ship(network, RECIPE, home, {"told": "of the training"})
    assert fingerprint(home / "model.safetensors") == made.weights
    assert history_beside(home) == made
    network.load_state_dict(load_file(snapshots(folder)[STEPS[0]]))
    ship(network, RECIPE, home)
    assert history_beside(home) is None


def test_a_sprite_is_rounded_to_sixteen_levels():
    pixels = np.arange(256, dtype=np.uint8).reshape(2, 128)
    with Pillow.open(io.BytesIO(sprite(pixels))) as opened:
        shown = np.asarray(opened.convert("L"))
    assert np.abs(shown.astype(int) - pixels).max() == 8
    assert set(shown.ravel()) == set(range(0, 256, 17))


@pytest.mark.parametrize("file", sorted(CHECKPOINTS.glob(f"*/{HISTORY}")), ids=str)
def test_a_shipped_history_is_that_of_the_shipped_weights(file: Path):
    shipped = read_history(file.parent)
    recipe = recipes.find(file.parent.name)
    assert shipped.recipe == recipe.name
    assert shipped.steps[-1] == recipe.steps
    weights = file.with_name("model.safetensors")
    if weights.exists():
        assert shipped.weights == fingerprint(weights)
