"""The figures of lines of verse, and the command's way from models to a table."""

import json
from pathlib import Path

import pytest
import torch

from aigc_core.catalog import Entry, Licences, Words
from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.data.source import DataFile
from aigc_core.data.tang import FILES
from aigc_core.data.tang_lines import load_lines
from aigc_core.engine import Engine
from aigc_core.metrics.bleu import mean_bleu, self_bleu
from aigc_core.metrics.text_gan import curves, drawn, line_values
from aigc_core.models.text_gan import Generator
from tests.families.vaes import engine_of

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

HELD_OUT = ["春江潮水连海平", "海上明月共潮生"]
TRAINING = ["清泉石上流", "明月松间照"]
MODEL = "small-gan"


def here(files: dict[int, DataFile]) -> bool:
    return all(file.path() for file in files.values())


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    torch.manual_seed(0)
    network = Generator(vocabulary="\n不人一风无花山来", length=8, embedding=8, width=8)
    network.save_pretrained(tmp_path / MODEL)
    return engine_of(
        Entry(
            id=MODEL,
            title=Words(en=MODEL, zh=MODEL),
            about=Words(en="", zh=""),
            family="aigc_core.families.verse_sampler",
            origin="scratch",
            network="aigc_core.models.text_gan:Generator",
            folder=tmp_path / MODEL,
            revision=digest(tmp_path / MODEL / WEIGHTS),
            licences=Licences(weights="", data=""),
        )
    )


def test_figures_of_lines():
    lines = ["清泉石上流", "清泉石上流", "海上明月", "春江潮水连海平"]
    found = line_values(lines, HELD_OUT, TRAINING)
    assert found["form"] == 0.75
    assert found["distinct"] == 0.75
    assert found["copies"] == 0.5
    assert found["characters"] == len(set("".join(lines)))
    assert found["bleu_2"] == pytest.approx(mean_bleu(lines, HELD_OUT, 2), abs=1e-4)
    assert found["self_bleu_3"] == pytest.approx(self_bleu(lines, 3), abs=1e-4)
    json.dumps(found)


def test_lines_that_repeat_themselves_score_as_less_diverse_and_real_ones_as_better():
    alike = line_values(["海上明月共潮生"] * 5, HELD_OUT, TRAINING)
    mixed = line_values([*TRAINING, "白日依山尽", *HELD_OUT], HELD_OUT, TRAINING)
    assert alike["self_bleu_2"] > mixed["self_bleu_2"]
    assert alike["bleu_4"] > mixed["bleu_4"]


def test_more_lines_than_a_request_may_ask_for_are_those_of_seeds_in_a_row(engine: Engine):
    many = drawn(engine, MODEL, 130, 1.0)
    assert len(many) == 130
    assert many[:20] == drawn(engine, MODEL, 20, 1.0)
    assert len(set(many)) > 50


@pytest.mark.skipif(not here(FILES), reason="the quatrains are not on this machine")
def test_a_curve_begins_with_real_lines(engine: Engine):
    told: list[list[str]] = []
    rows = curves([MODEL], 60, temperatures=(0.5, 1.0), engine=engine, told=told.append)
    assert [(row["model"], row["temperature"]) for row in rows] == [
        ("real", None), (MODEL, 0.5), (MODEL, 1.0),
    ]  # fmt: skip
    assert [row[:2] for row in told] == [["real", "–"], [MODEL, "0.5"], [MODEL, "1"]]
    real, cold, warm = rows
    assert (real["form"], real["copies"]) == (1, 1)
    assert real["bleu_3"] > warm["bleu_3"]
    assert cold["self_bleu_3"] > warm["self_bleu_3"]
    assert not set(load_lines("test")) & set(load_lines("train"))
