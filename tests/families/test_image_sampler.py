import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.artifact import Artifact
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.engine import Engine
from aigc_core.events import Preview, Progress, Result
from aigc_core.families.image_sampler import ANSWERS, BATCHED_TOLERANCE, label_of, noise, walk
from aigc_core.media import Animation, pixels
from aigc_core.tasks import InterpolateImages, Request, SampleImages, TraceImage

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

MODEL = "dcgan-mnist"
# Of the sheets of 32 maps of 7x7 and of 14x14, eight in a row, a pixel apart.
SIZES = ((4 * 8 - 1, 8 * 8 - 1), (4 * 15 - 1, 8 * 15 - 1))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine.default(batching=False)
    yield made
    made.loader.close()


@pytest.fixture(scope="module")
def batched() -> Iterator[Engine]:
    made = Engine.default()
    yield made
    made.loader.close()


@pytest.fixture(scope="module")
def counts() -> list[int]:
    return json.loads((CHECKPOINTS / MODEL / "config.json").read_text())["class_counts"]


def ask(engine: Engine, request: Request) -> tuple[Artifact, ...]:
    return engine.result(request, model=MODEL).artifacts


def pictures(engine: Engine, **values: Any) -> np.ndarray:
    artifacts = ask(engine, SampleImages.ask(**values))
    return np.stack([pixels(artifact.media) for artifact in artifacts])


def apart(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference in levels."""
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The direction by rotation in the plane of a and b, the length by a straight line."""
    u = a / np.linalg.norm(a)
    v = b - (b @ u) * u
    v /= np.linalg.norm(v)
    angle = t * np.arctan2(b @ v, b @ u)
    length = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    return length * (np.cos(angle) * u + np.sin(angle) * v)


class Latents:
    """What `noise` needs of a loaded model."""

    latent_dim = 64

    def __init__(self, spread: float = 1.0) -> None:
        self.spread = spread

    @property
    def network(self) -> "Latents":
        return self


def latents(*seeds: int, truncation: float = 1.0) -> torch.Tensor:
    return noise(Latents(), list(seeds), truncation)  # type: ignore[arg-type]


def test_a_row_of_noise_depends_on_its_seed_alone():
    together = latents(5, 9, 5, 2**31 + 98)
    assert torch.equal(together[1], latents(9)[0])
    assert torch.equal(together[0], together[2])
    assert not torch.equal(together[0], together[1])
    expected = torch.randn(64, generator=torch.Generator().manual_seed(9))
    assert torch.equal(together[1], expected)


def test_noise_is_normal_and_truncation_scales_it():
    rows = latents(*range(500))
    assert float(rows.mean()) == pytest.approx(0, abs=0.02)
    assert float(rows.std()) == pytest.approx(1, abs=0.02)
    assert torch.allclose(latents(3, truncation=0.25), latents(3) / 4)
    wide: Any = Latents(spread=1.5)
    assert torch.allclose(noise(wide, [3], 0.5), latents(3) * 0.75)
    assert not latents(3, truncation=0.0).any()


def test_neighbouring_seeds_are_not_alike():
    rows = latents(*range(100))
    alike = torch.corrcoef(rows) - torch.eye(100)
    assert float(alike.abs().max()) < 0.6


def test_slerp_agrees_with_the_formula():
    start, end = latents(1, 2)
    steps = walk(start, end, 9, "slerp").numpy()
    a, b = start.numpy().astype(np.float64), end.numpy().astype(np.float64)
    for step, t in zip(steps, np.linspace(0, 1, 9), strict=True):
        assert step == pytest.approx(slerp(a, b, t), abs=1e-5)


def test_slerp_turns_evenly_and_keeps_the_length():
    start, end = latents(1, 2)
    end = end / end.norm() * start.norm()
    steps = walk(start, end, 13, "slerp").double()
    assert steps.norm(dim=1).numpy() == pytest.approx(float(start.norm()), rel=1e-5)
    cosines = (steps[1:] * steps[:-1]).sum(1) / steps.norm(dim=1)[1:] / steps.norm(dim=1)[:-1]
    angles = torch.arccos(cosines)
    assert angles.numpy() == pytest.approx(float(angles.mean()), rel=1e-3)


def test_slerp_stays_as_long_as_noise_and_lerp_does_not():
    for seed in range(20):
        start, end = latents(seed, seed + 1000)
        shortest = min(float(start.norm()), float(end.norm()))
        assert float(walk(start, end, 11, "slerp").norm(dim=1).min()) > 0.95 * shortest
        assert float(walk(start, end, 11, "lerp").norm(dim=1).min()) < 0.9 * shortest


def test_lerp_is_linear():
    start, end = latents(1, 2)
    steps = walk(start, end, 6, "lerp")
    for index, step in enumerate(steps):
        t = index / 5
        assert torch.allclose(step, (1 - t) * start + t * end, atol=1e-6)


@pytest.mark.parametrize("path", ["slerp", "lerp"])
def test_a_walk_includes_both_ends(path: str):
    start, end = latents(1, 2)
    for count in (2, 7):
        steps = walk(start, end, count, path)
        assert steps.shape == (count, 64)
        assert torch.allclose(steps[0], start, atol=1e-6)
        assert torch.allclose(steps[-1], end, atol=1e-5)


@pytest.mark.parametrize("path", ["slerp", "lerp"])
def test_a_walk_to_the_same_place_stands_still(path: str):
    start = latents(1)[0]
    assert torch.allclose(walk(start, start, 5, path), start.expand(5, 64), atol=1e-6)


@pytest.mark.parametrize("first", [0, 7, 123_456_789, 2**31 - 1 - 5000])
def test_any_takes_classes_as_often_as_the_training_data(first: int, counts: list[int]):
    drawn = Counter(label_of("any", 0, first + i, counts) for i in range(5000))
    shares = np.array([drawn[label] for label in range(10)]) / 5000
    assert np.abs(shares - np.array(counts) / sum(counts)).sum() / 2 < 0.01


def test_any_depends_on_the_seed_alone(counts: list[int]):
    for seed in range(50):
        assert len({label_of("any", place, seed, counts) for place in range(5)}) == 1


def test_any_copes_with_classes_that_are_never_drawn():
    labels = Counter(label_of("any", 0, seed, [0, 3, 0, 1, 0]) for seed in range(4000))
    assert set(labels) == {1, 3}
    assert labels[1] / 4000 == pytest.approx(0.75, abs=0.01)


def test_a_network_without_classes_has_the_one():
    assert {label_of(label, 3, 4, []) for label in ("each", "any", "7")} == {0}


def test_each_takes_classes_in_turn(counts: list[int]):
    assert [label_of("each", place, 99, counts) for place in range(12)] == [*range(10), 0, 1]


def test_a_digit_is_itself(counts: list[int]):
    assert [label_of(str(d), 5, 99, counts) for d in range(10)] == list(range(10))


def test_it_answers_the_image_tasks():
    assert set(ANSWERS) == {SampleImages, InterpolateImages, TraceImage}


@pytest.mark.parametrize("label", ["each", "any", "7"])
def test_artifacts_say_which_digit_and_which_seed(label: str, engine: Engine, counts: list[int]):
    artifacts = ask(engine, SampleImages.ask(label=label, count=12, seed=40))
    for place, artifact in enumerate(artifacts):
        record = artifact.record
        assert record.seed == 40 + place
        drawn = label_of(label, place, 40 + place, counts)
        assert record.details == {"index": place, "label": str(drawn)}
        assert pixels(artifact.media).shape == (28, 28)
        assert pixels(artifact.media).dtype == np.uint8


@pytest.mark.parametrize("label", ["any", "4"])
def test_picture_i_is_the_first_of_seed_plus_i(label: str, engine: Engine):
    many = pictures(engine, label=label, count=40, seed=100)
    for place in (0, 1, 17, 31, 32, 39):
        alone = pictures(engine, label=label, count=1, seed=100 + place)[0]
        assert apart(many[place], alone) <= BATCHED_TOLERANCE


def test_different_seeds_and_digits_differ(engine: Engine):
    many = pictures(engine, label="3", count=10, seed=0)
    assert all(apart(many[0], other) > 10 for other in many[1:])
    digits = pictures(engine, label="each", count=10, seed=0, truncation=0.0)
    assert all(apart(digits[0], other) > 10 for other in digits[1:])


def test_after_the_last_seed_comes_the_first(engine: Engine):
    artifacts = ask(engine, SampleImages.ask(label="1", count=3, seed=2**31 - 2))
    assert [artifact.record.seed for artifact in artifacts] == [2**31 - 2, 2**31 - 1, 0]
    first = pictures(engine, label="1", count=1, seed=0)[0]
    assert apart(pixels(artifacts[2].media), first) <= BATCHED_TOLERANCE


def test_without_noise_there_is_one_picture_per_class(engine: Engine):
    many = pictures(engine, label="each", count=40, seed=3, truncation=0.0)
    other = pictures(engine, label="each", count=10, seed=777, truncation=0.0)
    for place, image in enumerate(many):
        assert apart(image, other[place % 10]) <= BATCHED_TOLERANCE


@pytest.mark.parametrize("path", ["slerp", "lerp"])
def test_a_walk_begins_and_ends_with_the_samples(path: str, engine: Engine):
    request = InterpolateImages.ask(seed=5, seed_to=6, label="2", path=path, steps=7)
    (artifact,) = ask(engine, request)
    assert isinstance(artifact.media, Animation)
    frames = artifact.media.frames
    assert frames.shape == (7, 28, 28)
    assert apart(frames[0], pictures(engine, label="2", count=1, seed=5)[0]) <= BATCHED_TOLERANCE
    assert apart(frames[-1], pictures(engine, label="2", count=1, seed=6)[0]) <= BATCHED_TOLERANCE
    assert (artifact.record.seed, artifact.record.details) == (5, {})


def test_the_two_paths_part_between_the_ends(engine: Engine):
    walks = [
        ask(engine, InterpolateImages.ask(seed=5, seed_to=6, label="2", path=path, steps=5))[0]
        for path in ("slerp", "lerp")
    ]
    assert apart(pixels(walks[0].media)[2], pixels(walks[1].media)[2]) > 1


@pytest.mark.parametrize("truncation", [1.0, 0.3])
def test_the_last_layer_of_a_trace_is_the_sample(truncation: float, engine: Engine):
    values = {"seed": 8, "label": "6", "truncation": truncation}
    *_, last = ask(engine, TraceImage.ask(**values))
    assert np.array_equal(pixels(last.media), pictures(engine, count=1, **values)[0])


def test_a_trace_names_its_layers_and_shows_maps(engine: Engine):
    artifacts = ask(engine, TraceImage.ask(seed=1))
    details = [artifact.record.details for artifact in artifacts]
    assert [d["layer"] for d in details] == ["project", "up", "paint"]
    assert [d["shape"] for d in details] == [[128, 7, 7], [64, 14, 14], [1, 28, 28]]
    assert [d["shown"] for d in details] == [32, 32, 1]
    captions = {artifact.caption for artifact in artifacts}
    assert len(captions - {None}) == 3
    for artifact, (h, w) in zip(artifacts, SIZES, strict=False):
        page = pixels(artifact.media)
        assert page.shape == (h, w)
        assert (page.min(), page.max()) == (0, 255)
    assert len({artifact.digest() for artifact in artifacts}) == 3


@pytest.mark.parametrize("which", ["engine", "batched"])
def test_progress_runs_from_nothing_to_all(which: str, request: pytest.FixtureRequest):
    engine: Engine = request.getfixturevalue(which)
    events = list(engine.run(SampleImages.ask(count=100), model=MODEL))
    told = [e for e in events if isinstance(e, Progress) and e.total]
    steps = [event.step for event in told]
    assert (steps[0], steps[-1]) == (0, 100)
    assert steps == sorted(set(steps))
    assert {event.total for event in told} == {100}
    assert isinstance(events[-1], Result)
    assert sum(isinstance(event, Result) for event in events) == 1


@pytest.mark.parametrize("which", ["engine", "batched"])
@pytest.mark.parametrize(("label", "count", "columns"), [("each", 100, 10), ("any", 64, 8)])
def test_previews_grow_into_the_result(
    label: str, count: int, columns: int, which: str, request: pytest.FixtureRequest
):
    engine: Engine = request.getfixturevalue(which)
    wish = SampleImages.ask(label=label, count=count, seed=1)
    *events, result = engine.run(wish, model=MODEL)
    assert isinstance(result, Result)
    final = np.stack([pixels(artifact.media) for artifact in result.artifacts])
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    assert [p.step for p in previews] == sorted({p.step for p in previews})
    for preview in previews:
        assert 0 < preview.step < count
        page = pixels(preview.media)
        assert page.shape == (28 * -(-preview.step // columns), 28 * columns)
        for index in range(preview.step):
            row, column = divmod(index, columns)
            part = page[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
            assert np.array_equal(part, final[index])


def test_only_a_run_alone_promises_identical_pictures(engine: Engine, batched: Engine):
    for request in (SampleImages.ask(count=1), InterpolateImages.ask(steps=2)):
        assert {a.record.tolerance for a in ask(engine, request)} == {0.0}
        assert {a.record.tolerance for a in ask(batched, request)} == {BATCHED_TOLERANCE}
    assert {a.record.tolerance for a in ask(batched, TraceImage.ask())} == {0.0}
