"""Points, maps and walks of a latent of two numbers, against the network asked directly."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.events import Preview
from aigc_core.families import autoencoder, latent_map
from aigc_core.families.image_sampler import BATCHED_TOLERANCE
from aigc_core.media import Animation, pixels, to_bytes
from aigc_core.tasks import DecodeLatent, EncodeImage, MapLatent, Request, WalkLatent
from tests.families.vaes import engine_of, entry_of, vae

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

NETWORK = vae(2)
MODEL = "map"


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Engine]]:
    folder = tmp_path_factory.mktemp("maps")
    entries = [
        entry_of(NETWORK, folder / MODEL, "latent_map"),
        entry_of(vae(3), folder / "no-map", "autoencoder"),
    ]
    made = {batching: engine_of(*entries, batching=batching) for batching in (False, True)}
    yield made
    for engine in made.values():
        engine.loader.close()


def ask(engine: Engine, request: Request) -> np.ndarray:
    (artifact,) = engine.result(request, model=MODEL).artifacts
    return pixels(artifact.media).astype(int)


def at(*points: tuple[float, float]) -> np.ndarray:
    """Pictures (n, 28, 28) of the network at points."""
    z = torch.tensor(points, dtype=torch.float32)
    return to_bytes(NETWORK.sample(z, torch.zeros(len(z), dtype=torch.int64)).numpy()).astype(int)


def test_it_answers_what_an_autoencoder_does_and_more():
    assert set(autoencoder.ANSWERS) < set(latent_map.ANSWERS)


def test_a_point(engines: dict[bool, Engine]):
    drawn = ask(engines[False], DecodeLatent.ask(x=1.25, y=-0.5))
    assert np.abs(drawn - at((1.25, -0.5))[0]).max() <= 1
    assert drawn.std() > 10


def test_a_map_shows_the_middle_of_each_cell_with_y_upwards(engines: dict[bool, Engine]):
    drawn = ask(engines[False], MapLatent.ask(columns=3, reach=1.5))
    assert drawn.shape == (84, 84)
    for row, y in enumerate((1.0, 0.0, -1.0)):
        for column, x in enumerate((-1.0, 0.0, 1.0)):
            cell = drawn[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
            assert np.abs(cell - at((x, y))[0]).max() <= 1, (x, y)


def test_a_large_map_comes_in_parts_and_whole(engines: dict[bool, Engine]):
    events = list(engines[False].run(MapLatent.ask(columns=20), model=MODEL))
    previews = [event.media for event in events if isinstance(event, Preview)]
    assert previews
    assert all(pixels(media).shape[1] == 20 * 28 for media in previews)
    assert pixels(events[-1].artifacts[0].media).shape == (560, 560)  # type: ignore[union-attr]


def test_a_walk_goes_straight_in_equal_steps(engines: dict[bool, Engine]):
    request = WalkLatent.ask(x=-2, y=1, x_to=1, y_to=-2, steps=4)
    (artifact,) = engines[False].result(request, model=MODEL).artifacts
    assert isinstance(artifact.media, Animation)
    expected = at((-2, 1), (-1, 0), (0, -1), (1, -2))
    assert np.abs(artifact.media.frames.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "request_", [DecodeLatent.ask(x=2.0), MapLatent.ask(columns=7), WalkLatent.ask(steps=40)]
)
def test_the_same_again_and_batched_within_the_tolerance(
    engines: dict[bool, Engine], request_: Request
):
    once, again = (engines[False].result(request_, model=MODEL).artifacts[0] for _ in range(2))
    assert once.digest() == again.digest()
    assert once.record.tolerance == 0
    (together,) = engines[True].result(request_, model=MODEL).artifacts
    assert together.record.tolerance == BATCHED_TOLERANCE
    apart = pixels(once.media).astype(int) - pixels(together.media)
    assert np.abs(apart).max() <= BATCHED_TOLERANCE


def test_the_place_of_a_picture_has_two_coordinates(engines: dict[bool, Engine]):
    _, back = engines[False].result(EncodeImage.ask(), model=MODEL).artifacts
    assert len(back.record.details["mean"]) == 2


def test_a_model_without_a_map_refuses(engines: dict[bool, Engine]):
    with pytest.raises(AigcError, match="cannot do this: Draw the map"):
        engines[False].result(MapLatent.ask(), model="no-map")
