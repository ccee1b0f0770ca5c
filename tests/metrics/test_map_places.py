"""Where digits lie on a map: what is written for which weights, and read without torch."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from aigc_core.catalog import Catalog, Entry
from aigc_core.data.mnist import Digits
from aigc_core.engine import Engine
from aigc_core.metrics import places
from aigc_core.metrics.places import PLACES, Places, find_places, read_places, write_places
from tests.families.vaes import COUNTS, engine_of, entry_of, vae
from tests.fresh import fresh

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

READ = """
import json, sys
from pathlib import Path
from aigc_core.metrics.places import read_places
found = read_places(Path(sys.argv[1]))
print(json.dumps([len(found.labels), "torch" in sys.modules]))
"""


@pytest.fixture
def digits() -> Digits:
    rng = np.random.default_rng(0)
    return Digits(rng.integers(0, 256, (60, 28, 28)).astype(np.uint8), np.arange(60) % 10)


@pytest.fixture
def model(tmp_path: Path) -> Entry:
    return entry_of(vae(2), tmp_path / "map", "latent_map")


@pytest.mark.parametrize("class_counts", [(), COUNTS])
def test_the_places_are_the_means_of_the_latents(
    digits: Digits, class_counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(places, "PART", 25)
    network = vae(2, class_counts)
    found = find_places(network, digits)
    x = torch.from_numpy(digits.images).float() / 255
    mean, _ = network.encode(x, torch.from_numpy(digits.labels))
    assert (found.points.dtype, found.labels.dtype) == (np.float16, np.uint8)
    np.testing.assert_allclose(found.points, mean.numpy(), atol=2e-3)
    np.testing.assert_array_equal(found.labels, digits.labels)


def test_what_is_written_is_read_without_torch(digits: Digits, model: Entry):
    written = find_places(vae(2), digits)
    path = write_places(model.folder, written)
    found = read_places(model.folder)
    assert found is not None
    np.testing.assert_array_equal(found.points, written.points)
    np.testing.assert_array_equal(found.labels, written.labels)
    assert path.stat().st_size < 60 * 5 + 400
    assert json.loads(fresh(READ, str(model.folder))) == [60, False]


class TestNone:
    """Files that are no places of these weights."""

    def test_there_is_no_file(self, model: Entry, tmp_path: Path):
        assert read_places(model.folder) is None
        assert read_places(tmp_path / "nowhere") is None

    def test_the_weights_are_others_since(self, digits: Digits, model: Entry, tmp_path: Path):
        write_places(model.folder, find_places(vae(2), digits))
        assert read_places(model.folder) is not None
        other = entry_of(vae(2, COUNTS), tmp_path / "other", "latent_map")
        weights = (other.folder / "model.safetensors").read_bytes()
        (model.folder / "model.safetensors").write_bytes(weights)
        assert read_places(model.folder) is None

    def test_the_weights_are_gone(self, digits: Digits, model: Entry):
        write_places(model.folder, find_places(vae(2), digits))
        (model.folder / "model.safetensors").unlink()
        assert read_places(model.folder) is None

    @pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 100])
    def test_the_file_is_damaged(self, content: bytes, model: Entry):
        (model.folder / PLACES).write_bytes(content)
        assert read_places(model.folder) is None

    @pytest.mark.parametrize(
        ("points", "labels"),
        [
            (np.zeros((4, 3), np.float16), np.zeros(4, np.uint8)),
            (np.zeros((4, 2), np.float16), np.zeros(3, np.uint8)),
            (np.full((4, 2), np.nan, np.float16), np.zeros(4, np.uint8)),
            (np.zeros((4, 2), np.float16), np.full(4, 10, np.uint8)),
        ],
    )
    def test_its_tensors_are_no_places(self, points: np.ndarray, labels: np.ndarray, model: Entry):
        path = write_places(model.folder, Places(points, labels))
        assert read_places(model.folder) is None
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
        save_file({"points": points}, path, metadata)
        assert read_places(model.folder) is None


class TestCommand:
    @pytest.fixture(autouse=True)
    def own(
        self, model: Entry, digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An engine over a model with a map and one without."""
        plain = entry_of(vae(3), tmp_path / "plain", "autoencoder")
        engine = engine_of(model, plain)
        monkeypatch.setattr(Engine, "default", lambda *, batching: engine)
        monkeypatch.setattr("aigc_core.data.mnist.load_mnist", lambda split: digits)

    def test_it_writes_the_file_beside_the_weights(
        self, model: Entry, capsys: pytest.CaptureFixture[str]
    ):
        assert places.main(["map"]) == 0
        assert capsys.readouterr().out.strip() == str(model.folder / PLACES)
        found = read_places(model.folder)
        assert found is not None
        assert len(found.labels) == 60

    @pytest.mark.parametrize(
        ("name", "en", "zh"),
        [
            ("nobody", "There is no model called “nobody”.", "没有名为“nobody”的模型。"),
            ("plain", "plain has no map.", "plain 没有地图。"),
        ],
    )
    def test_it_refuses_in_a_sentence(
        self, name: str, en: str, zh: str, capsys: pytest.CaptureFixture[str]
    ):
        for spoken, says in (("en", en), ("zh", zh)):
            assert places.main([name, "--lang", spoken]) == 2
            assert capsys.readouterr().err.strip() == says


def test_the_shipped_map_has_its_places():
    catalog = Catalog.default()
    if "vae-mnist-2d" not in catalog.entries:
        pytest.skip("its weights are not here")
    found = read_places(catalog.find("vae-mnist-2d").folder)
    assert found is not None
    assert np.bincount(found.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    # The encoder was trained towards the prior.
    assert 0.7 < float(found.points.astype(np.float32).std()) < 1.3
