"""The plain loop does the trainer's work; how fast either is, is for the command to print."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_core.models.char_transformer import CharTransformer
from aigc_core.training.language import NextCharacter
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.trainer import Trainer
from benchmarks.measure import interleaved
from benchmarks.training_text import Ours, Plain, Seconds, Speeds, measured

TEXT = np.array([0, 1, 2, 3] * 40, np.uint8)
RECIPE = Recipe(
    name="tiny-text",
    objective=lambda: NextCharacter(
        CharTransformer(vocabulary="\nabc", context=8, width=8, layers=1, heads=2, dropout=0.0),
        characters=4,
    ),
    data=lambda: (np.lib.stride_tricks.sliding_window_view(TEXT, 9, writeable=True),),
    optimisers={"model": Optimiser(lr=1e-2, betas=(0.9, 0.98), weight_decay=0.1, clip=1.0)},
    ships="model",
    batch=16,
    steps=100,
    ema=0.9,
)


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    return Trainer(RECIPE, tmp_path, cpu=True)


def test_the_text_is_put_together_from_its_stretches(trainer: Trainer):
    plain = Plain(RECIPE, trainer, 1)
    assert plain.text.tolist() == TEXT.tolist()
    assert plain.length == 9


def test_both_begin_with_the_same_weights_and_learn_alike(trainer: Trainer):
    plain = Plain(RECIPE, trainer, 60)
    ours = trainer.objective.players["model"]
    for a, b in zip(plain.network.parameters(), ours.parameters(), strict=True):
        assert torch.equal(a, b)
    first = plain.step().item()
    assert first == pytest.approx(np.log(4), abs=0.1)
    plain.block()
    for _ in range(60):
        last = trainer.advance()["model"].item()
    # What follows is certain but for the first characters of a stretch.
    assert plain.step().item() == pytest.approx(last, abs=0.2)
    assert last < 0.6


def test_what_is_done_now_and_then_is_done_once(trainer: Trainer, tmp_path: Path):
    ours = Ours(trainer, 2)
    assert ours.resting.clock > 0
    assert (tmp_path / "state.pt").is_file()
    assert (tmp_path / "log.jsonl").is_file()
    step = trainer.step
    ours.block()
    assert trainer.step == step + 2


def test_speeds_count_what_a_block_takes_besides():
    speeds = Speeds(lambda: time.sleep(0.05), 100, Seconds(0.15, 1.0))
    (clock,) = interleaved(2, speeds)
    assert 100 / 0.3 < clock.median <= 100 / 0.2
    # Sleeping computes next to nothing.
    assert speeds.processor == pytest.approx([100, 100], rel=0.05)


def test_the_table_has_both_clocks_with_the_average_and_without(tmp_path: Path):
    rows = measured(RECIPE, tmp_path, 2, 2).splitlines()
    assert "batch 16 x 8" in rows[0]
    titles = [row.split("|")[1].strip() for row in rows if row.startswith("|")][2:]
    assert titles == [
        title
        for average in ("with EMA", "without EMA")
        for clock in ("", ", processor's")
        for title in 2 * [average + clock]
    ]
