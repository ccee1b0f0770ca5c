"""The sweep over beta: measured as every VAE is, and drawn as it was measured."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from safetensors.numpy import save_file

from aigc_core.checkpoint import WEIGHTS
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data.mnist import Digits
from aigc_core.metrics import beta
from aigc_core.training import precision
from aigc_core.training.recipe import Recipe
from aigc_core.training.recipes.vae_mnist import recipe
from aigc_core.training.ship import read_settings
from tests.fresh import fresh

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
    assert told["batch"] == 64
    save_file({"weight": np.zeros(told["weights"], np.float16)}, small / beta.MODEL / WEIGHTS)
    section = beta.section(small / beta.MODEL)
    assert section is not None
    assert all(f"{low['rate']:.1f}" in text and beta.CURVE in text for text in section)


def saved(folder: Path, points: list[dict[str, float]], weights: int = 6) -> Path:
    """A checkpoint of six weights beside a sweep of a network of so many."""
    folder.mkdir(exist_ok=True)
    save_file({"weight": np.zeros((2, 3), np.float32)}, folder / WEIGHTS)
    beta.write(folder, {"weights": weights, "steps": 10, "batch": 8, "n": 40}, points)
    return folder


@pytest.mark.parametrize("lowest", [0, 1])
def test_the_text_says_where_the_sum_was_lowest(lowest: int, tmp_path: Path):
    points = [{**point, "distortion": point["distortion"] - 20} if place == lowest else point
              for place, point in enumerate(POINTS)]  # fmt: skip
    found = beta.section(saved(tmp_path, points))
    assert found is not None
    best = f"{POINTS[lowest]['beta']:g}"
    assert f"lowest at {best}." in found.en
    assert f"beta 为 {best} 时总和最低" in found.zh


def test_the_sweep_of_another_network_is_not_shown(tmp_path: Path):
    assert beta.section(saved(tmp_path, POINTS, weights=7)) is None
    told = json.loads((tmp_path / beta.FILE).read_text())
    del told["weights"]
    (tmp_path / beta.FILE).write_text(json.dumps(told))
    assert beta.section(tmp_path) is None


def test_the_shipped_sweep_is_that_of_the_shipped_network():
    folder = CHECKPOINTS / beta.MODEL
    told = json.loads((folder / beta.FILE).read_text())
    network = recipe().objective().players["vae"]
    assert told["weights"] == sum(weight.numel() for weight in network.parameters())
    assert told["weights"] == int(read_settings(folder / WEIGHTS)["vae.weights"])
    assert told["batch"] == recipe().batch
    assert [point["beta"] for point in told["points"]] == list(beta.BETAS)
    found = beta.section(folder)
    assert found is not None
    sums = {point["beta"]: point["rate"] + point["distortion"] for point in told["points"]}
    assert f"lowest at {min(sums, key=sums.__getitem__):g}." in found.en
    assert (folder / beta.CURVE).read_text("utf-8") == beta.curve(told["points"])


def test_files_are_the_same_where_the_system_knows_only_ascii(tmp_path: Path):
    code = (
        "import json, sys; from pathlib import Path; from aigc_core.metrics import beta\n"
        "beta.write(Path(sys.argv[1]), {}, json.loads(sys.argv[2]))"
    )
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    fresh(code, str(tmp_path), json.dumps(POINTS), **ascii_only)
    assert (tmp_path / beta.CURVE).read_bytes().decode("utf-8") == beta.curve(POINTS)


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
