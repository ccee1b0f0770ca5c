"""The experiment with an oracle, on a small one: what is trained, measured and kept."""

import json
from functools import partial
from pathlib import Path

import pytest

from aigc_core.models.oracle import mean_cost, oracle, texts
from aigc_core.training import precision
from aigc_core.training.recipes import text_gan_oracle
from benchmarks import text_gan

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

SHORTER = 300  # 30 steps for the start, 10 for the game.
COUNT = 400


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    made = partial(oracle, words=40, length=6)
    monkeypatch.setattr(precision, "SECONDS", 0.0)
    monkeypatch.setattr(text_gan, "oracle", made)
    monkeypatch.setattr(text_gan_oracle, "oracle", made)
    for name, value in {"WORDS": 40, "LENGTH": 6, "TEXTS": 300}.items():
        monkeypatch.setattr(text_gan_oracle, name, value)


def test_a_seed_is_measured_once_and_by_the_oracle(tmp_path: Path):
    found = text_gan.measured(1, tmp_path, SHORTER, COUNT)
    judge = oracle(1, words=40, length=6)
    assert found["oracle"] == pytest.approx(mean_cost(judge, texts(judge, COUNT, 2)))

    tried = {int(step): cost for step, cost in found["tried"].items()}
    assert max(tried) == 30
    assert found["start_step"] == min(tried, key=lambda step: tried[step])
    chosen = tmp_path / "start" / "snapshots" / f"{found['start_step']:07d}.safetensors"
    start = text_gan.network(chosen)
    assert found["start"] == pytest.approx(mean_cost(judge, texts(start, COUNT, 4)))
    assert found["start_sweep"]["1"] == pytest.approx([found["start"], found["start_missed"]])
    assert found["gan_sweep"]["1"] == pytest.approx([found["gan"], found["gan_missed"]])
    assert found["gan_missed"] != found["start_missed"]
    # What is drawn at a lower temperature is likelier, and misses more.
    cold, warm = (found["start_sweep"][t] for t in ("0.5", "1"))
    assert cold[0] < warm[0]

    # A second call trains nothing.
    again = text_gan.measured(1, tmp_path, SHORTER, COUNT)
    assert again == json.loads((tmp_path / text_gan.FIGURES).read_text("utf-8"))
    assert again["gan"] == found["gan"]


def test_the_tables_have_a_row_for_each_seed_and_the_means():
    one = {
        "seed": 0, "oracle": 5.0, "start": 9.0, "gan": 8.5, "start_missed": 7.0, "gan_missed": 7.1,
        "start_sweep": {"1": [9.0, 7.0]}, "gan_sweep": {"1": [8.5, 7.1]},
    }  # fmt: skip
    two = {**one, "seed": 1, "start_sweep": {"1": [8.0, 7.5]}}
    rows = text_gan.main_table([one, two]).splitlines()
    assert [cell.strip() for cell in rows[2].split("|")[1:-1]] == [
        "0", "5.000", "9.000", "8.500", "-0.500", "7.000", "7.100",
    ]  # fmt: skip
    assert len(rows) == 5
    means = text_gan.sweep_table([one, two]).splitlines()[2]
    assert [cell.strip() for cell in means.split("|")[1:-1]] == [
        "1", "8.500", "7.250", "8.500", "7.100",
    ]  # fmt: skip
