"""The sweep over beta: measured as every VAE is, and drawn as it was measured."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from aigc_core.data.mnist import Digits
from aigc_core.metrics import beta
from aigc_core.training import precision
from aigc_core.training.recipe import Recipe
from aigc_core.training.recipes.vae_mnist import recipe

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

POINTS = [
    {"beta": 0.5, "rate": 30.5, "distortion": 62.0},
    {"beta": 2.0, "rate": 15.25, "distortion": 84.0},
]


def digits(count: int) -> Digits:
    rng = np.random.default_rng(count)
    return Digits(rng.integers(0, 256, (count, 28, 28), np.uint8), rng.integers(0, 10, count))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Sweeps over two betas on made-up digits, into a folder of the test's own."""

    def short(weight: float, steps: int) -> Recipe:
        made = recipe(weight, steps)
        data = digits(128)
        return type(made)(**{**vars(made), "data": lambda: (data.images, data.labels)})

    (tmp_path / beta.MODEL).mkdir()
    monkeypatch.setattr(precision, "SECONDS", 0.0)
    monkeypatch.setattr(beta, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(beta, "keep_memory", lambda: None)  # It starts the process anew.
    monkeypatch.setattr(beta, "BETAS", (0.1, 10.0))
    monkeypatch.setattr(beta, "recipe", short)
    monkeypatch.setattr(beta, "load_mnist", lambda _: digits(40))
    return tmp_path


def test_the_sweep_trains_measures_and_writes(small: Path, capsys: pytest.CaptureFixture[str]):
    assert beta.main(["--folder", str(small / "runs"), "--steps", "40"]) == 0
    told = json.loads((small / beta.MODEL / beta.FILE).read_text())
    assert (told["steps"], told["n"]) == (40, 40)
    low, high = told["points"]
    assert (low["beta"], high["beta"]) == (0.1, 10.0)
    # The dearer the latent is, the less it is used.
    assert low["rate"] > high["rate"] > 0
    assert f"{low['distortion']:.1f}" in capsys.readouterr().out
    section = beta.section(small / beta.MODEL)
    assert section is not None
    assert all(f"{low['rate']:.1f}" in text and beta.CURVE in text for text in section)


def test_a_card_without_a_sweep_has_no_such_part(tmp_path: Path):
    assert beta.section(tmp_path) is None


def test_the_curve_has_a_dot_where_each_point_is():
    root = ET.fromstring(beta.curve(POINTS))
    space = "{http://www.w3.org/2000/svg}"
    dots = [(float(c.get("cx", 0)), float(c.get("cy", 0))) for c in root.iter(f"{space}circle")]
    assert len(dots) == 2
    # More rate is to the right, more distortion up, on straight axes.
    assert dots[0][0] > dots[1][0]
    assert dots[0][1] > dots[1][1]
    labels = [text.text for text in root.iter(f"{space}text")]
    assert {"β = 0.5", "β = 2"} <= set(labels)
