import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_core.checkpoint import WEIGHTS
from aigc_core.data import shakespeare, tang
from aigc_core.errors import UnreadableFile
from aigc_core.metrics import learning_curve
from aigc_core.metrics.language import long_text_costs, numbers
from aigc_core.metrics.learning_curve import curve_beside, main, unseen, write
from aigc_core.metrics.training_history import CHART
from aigc_core.models.char_transformer import CharTransformer
from aigc_core.training import recipes
from aigc_core.training.language import NextCharacter
from aigc_core.training.recipe import Recipe
from aigc_core.training.ship import ship
from aigc_core.training.snapshots import keep

TEXT = "\n" + "to be or not to be that is the question " * 6
LETTERS = "".join(sorted(set(TEXT)))
MOMENTS = (10, 40, 160)


def network(seed: int = 0) -> CharTransformer:
    torch.manual_seed(seed)
    return CharTransformer(vocabulary=LETTERS, context=16, width=8, layers=1, heads=2).eval()


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Of a model whose unseen text is a short one."""
    monkeypatch.setattr(shakespeare, "vocabulary", lambda: LETTERS)
    monkeypatch.setattr(shakespeare, "load_shakespeare", lambda split: TEXT)
    monkeypatch.setattr(learning_curve, "STRETCHES", 2)
    monkeypatch.setattr(learning_curve, "CHARACTERS", 100)
    found = recipes.find("transformer-shakespeare")
    return replace(found, objective=lambda: NextCharacter(network()))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with its log and three snapshots."""
    folder = tmp_path / "run"
    folder.mkdir()
    rows = [{"step": step, "losses": {"model": 4.0 - step / 100}} for step in range(10, 161, 10)]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for step in MOMENTS:
        keep(network(step), folder, step)
    return folder


def points(path: Path) -> list[list[tuple[float, float]]]:
    lines = ET.fromstring(path.read_text("utf-8")).iter("{http://www.w3.org/2000/svg}polyline")
    return [[tuple(map(float, p.split(","))) for p in line.get("points").split()] for line in lines]


def test_losses_and_unseen_text_are_drawn(recipe: Recipe, run: Path, tmp_path: Path):
    folder = tmp_path / "transformer-shakespeare"
    path = write(recipe, run, folder)
    losses, unseen_text = points(path)
    # Losses fall, so their curve goes down the page, and steps go to the right.
    assert all(b[0] > a[0] and b[1] > a[1] for a, b in pairwise(losses))
    assert len(unseen_text) == len(MOMENTS)
    costs = [
        sum(
            float(long_text_costs(network(step), numbers(part, LETTERS)).mean())
            for part in (TEXT[:101], TEXT[-101:])
        )
        for step in MOMENTS
    ]
    # The dearer, the higher on the page.
    heights = [-y for _, y in unseen_text]
    assert np.argsort(heights).tolist() == np.argsort(costs).tolist()


def test_the_card_shows_it_beside_the_weights_it_is_of(recipe: Recipe, run: Path, tmp_path: Path):
    folder = tmp_path / "transformer-shakespeare"
    write(recipe, run, folder)
    ship(network(MOMENTS[-1]), replace(recipe, half=True), folder)
    section = curve_beside(folder)
    assert section is not None
    for text in section.body:
        assert f"({CHART})" in text
        assert " 200 " in text
        assert "python -m aigc_core.metrics.learning_curve transformer-shakespeare" in text
    ship(network(99), recipe, folder)
    assert curve_beside(folder) is None
    (folder / CHART).unlink()
    assert curve_beside(folder) is None
    assert (folder / WEIGHTS).is_file()


def test_a_model_of_something_else_has_its_losses_alone(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for data in (shakespeare, tang):
        monkeypatch.setattr(data, "vocabulary", lambda: "others")
    other = replace(
        recipes.find("transformer-shakespeare"), objective=lambda: NextCharacter(network())
    )
    assert unseen(network()) == (None, 0)
    folder = tmp_path / "other"
    path = write(other, run, folder)
    assert len(points(path)) == 1
    ship(network(MOMENTS[-1]), other, folder)
    section = curve_beside(folder)
    assert section is not None
    assert "unseen" not in section.body.en


def test_snapshots_of_another_network_are_refused(recipe: Recipe, run: Path, tmp_path: Path):
    larger = replace(
        recipe,
        objective=lambda: NextCharacter(
            CharTransformer(vocabulary=LETTERS, context=16, width=16, layers=1, heads=2)
        ),
    )
    with pytest.raises(UnreadableFile, match="0000010"):
        write(larger, run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_says_where_the_picture_is_and_what_is_missing(
    recipe: Recipe,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(recipes, "find", lambda _: recipe)
    out = tmp_path / "out"
    assert main(["transformer-shakespeare", "--folder", str(run), "--out", str(out)]) == 0
    assert str(out / CHART) in capsys.readouterr().out
    assert main(["transformer-shakespeare", "--folder", str(tmp_path), "--lang", "zh"]) == 2
    assert "快照" in capsys.readouterr().err
