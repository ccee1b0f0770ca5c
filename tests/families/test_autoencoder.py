"""Reading, varying and finding pictures, against the network asked directly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aigc_core.artifact import Artifact
from aigc_core.data.mnist import Digits, is_here
from aigc_core.digits import pack
from aigc_core.engine import Engine
from aigc_core.errors import AigcError, DatasetMissing
from aigc_core.events import Progress
from aigc_core.families import autoencoder
from aigc_core.families.image_sampler import BATCHED_TOLERANCE
from aigc_core.media import pixels, to_bytes
from aigc_core.models.vae import VAE
from aigc_core.tasks import EncodeImage, FindNeighbours, Request, SampleImages, VaryImage
from aigc_core.tasks.base import MAX_SEED
from aigc_core.tasks.latent import IW_SAMPLES
from tests.families.vaes import COUNTS, engine_of, entry_of, vae

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

NETWORKS = {"plain": vae(5), "told": vae(4, COUNTS)}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Engine]]:
    """Engines over both models, with and without batching."""
    folder = tmp_path_factory.mktemp("vaes")
    entries = [entry_of(net, folder / name, "autoencoder") for name, net in NETWORKS.items()]
    made = {batching: engine_of(*entries, batching=batching) for batching in (False, True)}
    yield made
    for engine in made.values():
        engine.loader.close()


@pytest.fixture(params=list(NETWORKS))
def model(request: pytest.FixtureRequest) -> str:
    return request.param


def digit(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (28, 28)).astype(np.uint8)


def unit(digits: np.ndarray) -> Tensor:
    return torch.from_numpy(digits.astype(np.float32) / 255)


def ask(engine: Engine, request: Request, model: str) -> tuple[Artifact, ...]:
    return engine.result(request, model=model).artifacts


def mean_of(model: str, label: int) -> Tensor:
    mean, _ = NETWORKS[model].encode(unit(digit())[None], torch.tensor([label]))
    return mean


class TestEncode:
    def test_the_picture_and_its_reconstruction(self, engines: dict[bool, Engine], model: str):
        asked = EncodeImage.ask(picture=pack(digit()), label="4")
        given, back = ask(engines[False], asked, model)
        assert given.record.details == {"role": "picture"}
        assert np.array_equal(pixels(given.media), digit())
        network = NETWORKS[model]
        drawn = network.sample(mean_of(model, 4), torch.tensor([4]))[0]
        assert np.array_equal(pixels(back.media), to_bytes(drawn.numpy()))
        assert back.record.details["role"] == "reconstruction"

    def test_the_latent(self, engines: dict[bool, Engine], model: str):
        details = self.details(engines, model)
        mean, log_variance = NETWORKS[model].encode(unit(digit())[None], torch.tensor([4]))
        assert details["mean"] == pytest.approx(mean[0].tolist(), abs=1e-4)
        deviation = (log_variance[0] / 2).exp().tolist()
        assert details["deviation"] == pytest.approx(deviation, abs=1e-4)

    def test_the_bounds_are_means_over_drawings_in_black_and_white(
        self, engines: dict[bool, Engine], model: str
    ):
        details = self.details(engines, model)
        many = torch.Generator().manual_seed(99)
        x = torch.bernoulli(unit(digit()).expand(3000, 28, 28), generator=many)
        y = torch.full((3000,), 4)
        distortion, rate = NETWORKS[model].bounds(x, y, many)
        tight = NETWORKS[model].log_likelihood(x[:300], y[:300], IW_SAMPLES, many)
        for name, values in (
            ("distortion", distortion),
            ("rate", rate),
            ("log_likelihood", tight),
        ):
            error = float(values.std()) / autoencoder.DRAWINGS**0.5
            assert details[name] == pytest.approx(float(values.mean()), abs=5 * error), name
        assert details["log_likelihood"] >= -(details["distortion"] + details["rate"]) - 1

    def details(self, engines: dict[bool, Engine], model: str) -> dict[str, Any]:
        asked = EncodeImage.ask(picture=pack(digit()), label="4", seed=3)
        return ask(engines[False], asked, model)[1].record.details

    def test_a_seed_gives_the_same_figures_with_and_without_batching(
        self, engines: dict[bool, Engine], model: str
    ):
        asked = EncodeImage.ask(picture=pack(digit()), seed=8)
        once, again = (ask(engines[False], asked, model) for _ in range(2))
        assert [a.digest() for a in once] == [a.digest() for a in again]
        assert all(artifact.record.tolerance == 0 for artifact in once)
        together = ask(engines[True], asked, model)
        assert [a.digest() for a in once] == [a.digest() for a in together]
        other = ask(engines[False], EncodeImage.ask(picture=pack(digit()), seed=9), model)
        assert other[1].record.details["distortion"] != once[1].record.details["distortion"]
        assert other[1].record.details["mean"] == once[1].record.details["mean"]

    def test_only_a_model_that_knows_classes_minds_the_label(self, engines: dict[bool, Engine]):
        for model, same in (("plain", True), ("told", False)):
            means = [
                ask(engines[False], EncodeImage.ask(picture=pack(digit()), label=label), model)[1]
                .record.details["mean"]
                for label in ("1", "2")
            ]  # fmt: skip
            assert (means[0] == means[1]) is same


class TestVary:
    def asked(self, **values: Any) -> VaryImage:
        return VaryImage.ask(picture=pack(digit()), label="4", **values)

    def test_rows_go_from_the_latent_to_the_priors_noise(
        self, engines: dict[bool, Engine], model: str
    ):
        request = self.asked(rows=3, columns=2, distance=0.9, seed=6)
        artifacts = ask(engines[False], request, model)
        network = NETWORKS[model]
        mean, label = mean_of(model, 4), torch.tensor([4])
        places = [(d, seed) for d in (0.3, 0.6, 0.9) for seed in (6, 7)]
        assert len(artifacts) == len(places)
        for place, (artifact, (distance, seed)) in enumerate(zip(artifacts, places, strict=True)):
            rng = torch.Generator().manual_seed(seed)
            noise = torch.randn(1, network.latent_dim, generator=rng)
            z = (1 - distance**2) ** 0.5 * mean + distance * noise
            drawn = to_bytes(network.sample(z, label)[0].numpy())
            assert np.abs(pixels(artifact.media).astype(int) - drawn).max() <= 1
            assert artifact.record.seed == seed
            assert artifact.record.details == {"index": place, "distance": distance}

    def test_no_distance_is_the_reconstruction_and_all_of_it_a_sample(
        self, engines: dict[bool, Engine]
    ):
        engine = engines[False]
        still = ask(engine, self.asked(rows=1, columns=3, distance=0.0), "plain")
        _, back = ask(engine, EncodeImage.ask(picture=pack(digit())), "plain")
        for artifact in still:
            apart = pixels(artifact.media).astype(int) - pixels(back.media)
            assert np.abs(apart).max() <= 1
        far = ask(engine, self.asked(rows=1, columns=3, distance=1.0, seed=11), "plain")
        samples = ask(engine, SampleImages.ask(count=3, seed=11, label="any"), "plain")
        for one, other in zip(far, samples, strict=True):
            assert np.array_equal(pixels(one.media), pixels(other.media))

    def test_the_same_again_and_batched_within_the_tolerance(self, engines: dict[bool, Engine]):
        request = self.asked(rows=10, columns=10, seed=MAX_SEED - 3)
        once, again = (ask(engines[False], request, "told") for _ in range(2))
        assert [a.digest() for a in once] == [a.digest() for a in again]
        assert [a.record.seed for a in once[:6]] == [MAX_SEED - 3 + i for i in range(4)] + [0, 1]
        together = ask(engines[True], request, "told")
        for one, other in zip(once, together, strict=True):
            assert other.record.tolerance == BATCHED_TOLERANCE
            apart = pixels(one.media).astype(int) - pixels(other.media)
            assert np.abs(apart).max() <= BATCHED_TOLERANCE


class TestNeighbours:
    @pytest.fixture
    def training(self, monkeypatch: pytest.MonkeyPatch) -> Digits:
        """A training set of a few hundred pictures, read in several parts."""
        rng = np.random.default_rng(5)
        digits = Digits(
            rng.integers(0, 256, (250, 28, 28)).astype(np.uint8), rng.integers(0, 10, 250)
        )
        monkeypatch.setattr(autoencoder, "load_mnist", lambda split: digits)
        monkeypatch.setattr(autoencoder, "PART", 100)
        return digits

    @pytest.fixture
    def fresh(self, tmp_path: Path) -> Iterator[Engine]:
        entries = [entry_of(net, tmp_path / name, "autoencoder") for name, net in NETWORKS.items()]
        engine = engine_of(*entries)
        yield engine
        engine.loader.close()

    def test_they_are_those_of_the_nearest_latents_nearest_first(
        self, fresh: Engine, training: Digits, model: str
    ):
        request = FindNeighbours.ask(picture=pack(digit()), label="4", count=7)
        found = ask(fresh, request, model)
        known, _ = NETWORKS[model].encode(unit(training.images), torch.from_numpy(training.labels))
        distances = (known - mean_of(model, 4)).norm(dim=1)
        nearest = distances.argsort()[:7]
        assert [a.record.details["row"] for a in found] == nearest.tolist()
        for artifact, row in zip(found, nearest.tolist(), strict=True):
            details = artifact.record.details
            assert np.array_equal(pixels(artifact.media), training.images[row])
            assert details["label"] == str(training.labels[row])
            assert details["distance"] == pytest.approx(float(distances[row]), abs=1e-3)

    def test_a_training_digit_finds_itself(self, fresh: Engine, training: Digits):
        request = FindNeighbours.ask(picture=pack(training.images[42]), count=1)
        (found,) = ask(fresh, request, "plain")
        assert found.record.details["row"] == 42
        assert found.record.details["distance"] == pytest.approx(0, abs=1e-5)

    def test_the_training_digits_are_read_once_and_the_page_hears_of_it(
        self, fresh: Engine, training: Digits, monkeypatch: pytest.MonkeyPatch
    ):
        request = FindNeighbours.ask(picture=pack(digit()))
        first = [e for e in fresh.run(request, model="plain") if isinstance(e, Progress)]
        assert [e.step for e in first if e.total == 250] == [0, 100, 200]

        def again(split: str) -> Digits:
            raise AssertionError("read a second time")

        monkeypatch.setattr(autoencoder, "load_mnist", again)
        assert len(ask(fresh, request, "plain")) == 8

    def test_without_the_training_digits_it_says_so(
        self, fresh: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        from aigc_core.data import mnist, source

        monkeypatch.setenv("AIGC_DATA_DIR", str(tmp_path / "nowhere"))
        nowhere = [source.DataFile(f.name, f.sha256, ()) for f in mnist.FILES["train"]]
        monkeypatch.setitem(mnist.FILES, "train", tuple(nowhere))
        with pytest.raises(DatasetMissing):
            ask(fresh, FindNeighbours.ask(picture=pack(digit())), "plain")
        # The model itself goes on.
        assert ask(fresh, EncodeImage.ask(picture=pack(digit())), "plain")


def test_a_model_without_an_encoder_refuses(engines: dict[bool, Engine], tmp_path: Path):
    network: VAE = vae(3)
    entry = entry_of(network, tmp_path / "one-way", "image_sampler")
    engine = engine_of(entry)
    with pytest.raises(AigcError, match="cannot do this: Read a picture"):
        ask(engine, EncodeImage.ask(), entry.id)


def test_closing_a_run_gives_the_model_back(engines: dict[bool, Engine]):
    engine = engines[True]
    for request in (EncodeImage.ask(), VaryImage.ask(rows=10, columns=10)):
        run = engine.run(request, model="plain")
        next(run)
        run.close()
    assert all(state.refs + state.waiting == 0 for state in engine.loader.state())


@pytest.mark.skipif(not is_here("train"), reason="MNIST is not on this machine")
def test_the_shipped_model_reads_digits_and_finds_alike_ones():
    engine = Engine.default(batching=False)
    if "vae-mnist" not in engine.catalog.entries:
        pytest.skip("its weights are not here")
    from aigc_core.data.mnist import load_mnist

    digits = load_mnist("test", download=False)
    seven = int(np.flatnonzero(digits.labels == 7)[0])
    request = FindNeighbours.ask(picture=pack(digits.images[seven]), count=10)
    found = ask(engine, request, "vae-mnist")
    assert [a.record.details["label"] for a in found].count("7") >= 9
    engine.loader.close()
