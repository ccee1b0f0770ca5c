"""A line generator with random weights, through the engine and by its parts."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry, Licences, Words
from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.data.tang_lines import as_text
from aigc_core.engine import Engine
from aigc_core.events import Preview, Progress, Result
from aigc_core.families.verse_sampler import (
    ANSWERS,
    LoadedVerseSampler,
    load,
    numbers,
    sample,
)
from aigc_core.gate import Gate
from aigc_core.media import Writing
from aigc_core.models.text_gan import Generator
from aigc_core.placement import Placement
from aigc_core.tasks import SampleVerse
from aigc_core.tasks.base import MAX_SEED
from tests.families.vaes import engine_of

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

VOCABULARY = "\n春江潮水连海平明月共生照清泉石上流"
MODEL = "small-gan"


def network() -> Generator:
    torch.manual_seed(0)
    made: Generator = Generator(vocabulary=VOCABULARY, length=8, embedding=16, width=24, tied=True)
    with torch.no_grad():
        made.token.weight.mul_(2)
        made.down.weight.mul_(4)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    return saved(tmp_path_factory.mktemp("checkpoints") / MODEL)


def saved(folder: Path) -> Entry:
    """The network as a checkpoint on the disk; the folder gives the model its name."""
    network().save_pretrained(folder)
    return Entry(
        id=folder.name,
        title=Words(en=folder.name, zh=folder.name),
        about=Words(en="", zh=""),
        family="aigc_core.families.verse_sampler",
        origin="scratch",
        network="aigc_core.models.text_gan:Generator",
        folder=folder,
        revision=digest(folder / WEIGHTS),
        licences=Licences(weights="", data=""),
    )


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "batched"])
def engine(entry: Entry, request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = engine_of(entry, batching=request.param)
    yield made
    made.loader.close()


def ask(engine: Engine, **values: float) -> tuple[Artifact, ...]:
    return engine.result(SampleVerse.ask(**values), model=MODEL).artifacts


def texts(artifacts: tuple[Artifact, ...]) -> list[str]:
    for artifact in artifacts:
        assert isinstance(artifact.media, Writing)
    return [artifact.media.text for artifact in artifacts]


def test_it_answers_the_task():
    assert set(ANSWERS) == {SampleVerse}


def test_line_i_is_the_one_that_its_seed_makes_alone(engine: Engine):
    many = ask(engine, count=40, seed=100)
    assert [artifact.record.seed for artifact in many] == list(range(100, 140))
    chunk = LoadedVerseSampler.CHUNK
    for place in (0, 1, chunk - 1, chunk, 39):
        alone = ask(engine, count=1, seed=100 + place)
        assert texts(alone) == [texts(many)[place]]
    assert len(set(texts(many))) > 30
    assert {artifact.record.tolerance for artifact in many} == {0.0}


def test_lines_are_those_of_the_network(engine: Engine):
    rows = network().double().sample(numbers(range(7, 17), 8), 0.8)
    expected = [as_text(row.numpy(), VOCABULARY) for row in rows]
    assert texts(ask(engine, count=10, seed=7, temperature=0.8)) == expected


def test_the_details_say_whether_the_form_is_kept(engine: Engine):
    artifacts = ask(engine, count=100, seed=0)
    forms = set()
    for place, artifact in enumerate(artifacts):
        (line,) = texts((artifact,))
        kept = len(line) in (5, 7)
        assert artifact.record.details == {
            "index": place,
            "form": "kept" if kept else f"{len(line)} characters",
        }
        forms.add(kept)
        assert "\n" not in line
        assert len(line) <= 8
    assert forms == {True, False}


def test_a_low_temperature_takes_the_likeliest_line(engine: Engine):
    cold = texts(ask(engine, count=30, seed=0, temperature=0.1))
    warm = texts(ask(engine, count=30, seed=0, temperature=2.0))
    assert len(set(cold)) < len(set(warm))


def test_after_the_last_seed_comes_the_first(engine: Engine):
    artifacts = ask(engine, count=2, seed=MAX_SEED)
    assert [artifact.record.seed for artifact in artifacts] == [MAX_SEED, 0]
    assert texts(artifacts)[1:] == texts(ask(engine, count=1, seed=0))


def test_previews_grow_into_the_result(engine: Engine):
    *events, result = engine.run(SampleVerse.ask(count=50, seed=3), model=MODEL)
    assert isinstance(result, Result)
    final = texts(result.artifacts)
    steps = [event.step for event in events if isinstance(event, Progress) and event.total == 50]
    assert (steps[0], steps[-1]) == (0, 50)
    assert steps == sorted(set(steps))
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    for preview in previews:
        assert isinstance(preview.media, Writing)
        assert preview.media.text.split("\n") == final[: preview.step]
        assert 0 < preview.step < 50


def test_a_run_can_be_closed_in_the_middle(engine: Engine):
    with closing(engine.run(SampleVerse.ask(count=100), model=MODEL)) as events:
        next(event for event in events if isinstance(event, Preview))
    assert len(ask(engine, count=3)) == 3


def test_numbers_depend_on_their_seed_alone():
    rows = numbers([5, 9, 5], 8)
    assert torch.equal(rows[0], rows[2])
    assert torch.equal(rows[1:2], numbers([9], 8))
    assert not torch.equal(rows[0], rows[1])
    many = numbers(range(2_000), 8)
    assert float(many.min()) >= 0
    assert float(many.max()) < 1
    assert float(many.mean()) == pytest.approx(0.5, abs=0.01)


def test_a_step_is_computed_inside_the_gate(entry: Entry):
    """Between two events nothing is held that would keep a load waiting."""
    gate = Gate()
    steps: list[int] = []
    model = load(entry, Placement("cpu", "float32", gate, batching=False), lambda: steps.append(1))
    assert steps == [1]
    for _ in sample(model, SampleVerse(count=20)):
        with gate.building():
            pass
    model.close()
