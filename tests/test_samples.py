from collections.abc import Iterator

import numpy as np
import pytest

from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest, UnknownModel
from aigc_core.media import pixels
from aigc_core.samples import sample
from aigc_core.tasks import SampleImages
from aigc_core.tasks.base import MAX_SEED

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

MODEL = "dcgan-mnist"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine.default(batching=False)
    yield made
    made.loader.close()


def test_samples_are_the_pictures_of_their_seeds(engine: Engine):
    images, labels = sample(MODEL, 104, 50, engine=engine)
    assert images.shape == (104, 28, 28)
    assert images.dtype == np.float32
    assert labels.shape == (104,)
    assert labels.dtype == np.int64
    for place in (0, 99, 100, 103):
        request = SampleImages.ask(label="any", count=1, seed=50 + place)
        artifact = engine.result(request, model=MODEL).artifacts[0]
        assert int(artifact.record.details["label"]) == labels[place]
        assert np.abs(images[place] * 255 - pixels(artifact.media)).max() < 1.01


def test_after_the_last_seed_comes_the_first(engine: Engine):
    images, labels = sample(MODEL, 104, MAX_SEED - 101, engine=engine)
    wanted, first = sample(MODEL, 2, 0, engine=engine)
    assert np.abs(images[102:] - wanted).max() < 1.01 / 255
    assert labels[102:].tolist() == first.tolist()


def test_values_are_levels(engine: Engine):
    images, _ = sample(MODEL, 5, 0, engine=engine)
    assert images.min() >= 0
    assert images.max() <= 1
    levels = (images * 255).round().astype(np.uint8)
    assert np.array_equal(images, levels.astype(np.float32) / 255)


def test_labels_and_truncation_are_handed_on(engine: Engine):
    images, labels = sample(MODEL, 3, 0, "7", truncation=0.0, engine=engine)
    assert labels.tolist() == [7, 7, 7]
    assert np.abs(images - images[0]).max() < 1.01 / 255


@pytest.mark.parametrize("count", [0, -1])
def test_no_pictures_are_no_request(count: int, engine: Engine):
    with pytest.raises(InvalidRequest, match="at least 1"):
        sample(MODEL, count, 0, engine=engine)


def test_settings_are_those_of_the_request(engine: Engine):
    with pytest.raises(InvalidRequest, match="Digit"):
        sample(MODEL, 1, 0, "ten", engine=engine)
    with pytest.raises(InvalidRequest, match="Truncation"):
        sample(MODEL, 1, 0, truncation=3.0, engine=engine)
    with pytest.raises(UnknownModel):
        sample("nobody", 1, 0, engine=engine)
