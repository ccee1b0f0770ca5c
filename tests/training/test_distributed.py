import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

from aigc_core.training import precision
from aigc_core.training.trainer import Trainer
from tests.fresh import ROOT
from tests.training.tiny import LINE

pytest_plugins = ("tests.cores",)
pytestmark = [
    pytest.mark.usefixtures("one_core"),
    pytest.mark.skipif(
        not distributed.is_available() or not distributed.is_gloo_available(),
        reason="torch was built without gloo",
    ),
]


def train_two(folder: Path) -> list[dict[str, Any]]:
    """What each of two processes ends with."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    program = ["-m", "tests.training.tiny", LINE.name, str(folder), str(LINE.batch)]
    done = subprocess.run(
        [sys.executable, *launch, *program],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"weights-{rank}.pt", weights_only=True) for rank in range(2)]


def test_two_processes_are_one_with_twice_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first, second = train_two(tmp_path / "two")
    monkeypatch.setattr(precision, "SECONDS", 0.0)
    alone = Trainer(replace(LINE, batch=2 * LINE.batch), tmp_path / "one", save_every=4, cpu=True)
    alone.fit()
    assert (first["processes"], second["processes"]) == (2, 2)
    assert first["precision"] == second["precision"]
    for which, network in (
        ("network", alone.objective.players["network"]),
        ("result", alone.result),
    ):
        for name, value in network.state_dict().items():
            assert torch.equal(first[which][name], second[which][name])
            assert torch.allclose(first[which][name], value, atol=1e-5)
    states = alone.optimisers["network"].state_dict()["state"].values()
    for momentum, state in zip(first["momenta"], states, strict=True):
        assert torch.allclose(momentum, state["exp_avg"], rtol=1e-4, atol=1e-5)
    for name in ("two", "one"):
        assert len((tmp_path / name / "log.jsonl").read_text().splitlines()) == LINE.steps / 4
