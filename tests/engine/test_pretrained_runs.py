"""Pretrained models on the one path: from a request to files that tell how they were made."""

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_core.artifact import Artifact, read_record
from aigc_core.catalog import Entry
from aigc_core.engine import Engine
from aigc_core.events import Preview, Progress, Result
from aigc_core.exports import write
from aigc_core.families.causal_lm import CPU_PIECE
from aigc_core.tasks import ContinueText, Request, TextToImage, find
from tests.engine.engines import in_use, made
from tests.waiting import end, start

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")

SIZE = {"width": 64, "height": 64, "guidance": 4.0}
WRITE = ContinueText.ask(prompt="The sea " * 40, tokens=12, seed=3)
DRAW = TextToImage.ask(prompt="the lighthouse", steps=2, count=2, seed=3, **SIZE)
ASKED: dict[str, Request] = {"qwen3": WRITE, "stable-diffusion": DRAW}


@pytest.fixture
def engine(downloaded: Callable[[str], Entry]) -> Iterator[Engine]:
    engine = made(*map(downloaded, ASKED))
    yield engine
    engine.loader.close()


def ask(engine: Engine, name: str, request: Request | None = None) -> tuple[Artifact, ...]:
    return engine.result(request or ASKED[name], model=name).artifacts


def digests(artifacts: tuple[Artifact, ...]) -> list[str]:
    return [artifact.digest() for artifact in artifacts]


@pytest.mark.parametrize("name", ASKED)
def test_what_was_made_can_be_made_again_from_its_file(name: str, engine: Engine, tmp_path: Path):
    first = ask(engine, name)
    files = write(first, tmp_path / "out")
    for file, artifact in zip(files, first, strict=True):
        record = read_record(file)
        assert record == artifact.record
        assert record.revision == engine.catalog.find(name).revision
        assert record.tolerance == 0
        again = find(record.task).ask(**record.request)
        assert artifact.digest() in digests(ask(engine, record.model, again))


def test_the_first_that_can_is_the_default(engine: Engine):
    for name, request in ASKED.items():
        assert engine.result(request).artifacts[0].record.model == name


@pytest.mark.parametrize("name", ASKED)
def test_a_stopped_run_gives_the_model_back(name: str, engine: Engine):
    before = digests(ask(engine, name))
    with closing(engine.run(ASKED[name], model=name)) as events:
        while not isinstance(next(events), Preview):
            pass
        assert in_use(engine) == 1
    assert in_use(engine) == 0
    assert digests(ask(engine, name)) == before


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("ending", ["done", "stopped", "failed"])
def test_an_evicted_model_is_gone(name: str, ending: str, engine: Engine):
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with engine.loader.lease(name) as model:
        parts = [model.network] if name == "qwen3" else list(model.pipe.components.values())
        networks = [part for part in parts if isinstance(part, torch.nn.Module)]
        if ending == "failed":
            networks[-1].register_forward_pre_hook(fail)
        alive = [weakref.ref(network) for network in networks]
        del model, parts, networks
    with closing(engine.run(ASKED[name], model=name)) as events:
        if ending == "failed":
            with pytest.raises(ZeroDivisionError):
                list(events)
        else:
            for event in events:
                if ending == "stopped" and isinstance(event, Preview):
                    break
    assert engine.loader.evict(name)
    gc.collect()
    assert [network() for network in alive] == [None] * len(alive)


def test_many_ask_both_at_once(engine: Engine):
    seeds = range(3)
    wishes = [(n, r.model_copy(update={"seed": s})) for s in seeds for n, r in ASKED.items()]
    alone = [digests(ask(engine, *wish)) for wish in wishes]
    for name in ASKED:
        assert engine.loader.evict(name)
    beside: dict[int, list[str]] = {}

    def run(place: int) -> None:
        beside[place] = digests(ask(engine, *wishes[place]))

    end(*(start(lambda place=place: run(place)) for place in range(len(wishes))))  # type: ignore[misc]
    assert [beside[place] for place in range(len(wishes))] == alone
    assert in_use(engine) == 0


class Short:
    """Lets memory run out in every step that is larger than there is room for."""

    def __init__(self, size: Callable[[Any, dict[str, Any]], int], room: int) -> None:
        self.size, self.room = size, room

    def __call__(self, _: Any, values: Any, named: dict[str, Any]) -> None:
        if self.size(values, named) > self.room:
            raise torch.OutOfMemoryError("out of memory")


def outcome(engine: Engine, name: str, request: Request) -> tuple[list[str], Result]:
    """What is told on the way about memory, and the result."""
    notes = []
    for event in engine.run(request, model=name):
        if isinstance(event, Progress) and "memory" in event.note.en:
            assert "内存不足" in event.note.zh
            notes.append(event.note.en)
    assert isinstance(event, Result)
    return notes, event


def test_a_text_goes_on_in_smaller_pieces_where_memory_runs_out(engine: Engine):
    usual = ask(engine, "qwen3")
    with engine.loader.lease("qwen3") as model:
        short = Short(lambda _, named: named["input_ids"].shape[1], 30)
        model.network.register_forward_pre_hook(short, with_kwargs=True)
    notes, result = outcome(engine, "qwen3", WRITE)
    assert [note.rpartition(": ")[2] for note in notes[1:]] == [
        "the prompt is read in pieces of 16 tokens"
    ]
    assert result.artifacts[0].media == usual[0].media
    # It was for this run alone.
    with engine.loader.lease("qwen3") as model:
        assert model.piece == CPU_PIECE
    assert len(result.artifacts[0].record.details["lessened"]) == 1
    assert "lessened" not in usual[0].record.details


def test_a_picture_becomes_smaller_where_memory_runs_out(engine: Engine):
    large = DRAW.model_copy(update={"width": 384, "height": 256})
    with engine.loader.lease("stable-diffusion") as model:
        model.together = 2
        # Latents of two pictures with and without the prompt; then of one.
        short = Short(lambda values, _: values[0].shape[0] * values[0].shape[-1], 2 * 40)
        model.pipe.unet.register_forward_pre_hook(short, with_kwargs=True)
    notes, result = outcome(engine, "stable-diffusion", large)
    assert [note.rpartition(": ")[2] for note in notes[1:]] == [
        "1 at a time are drawn",
        "pictures are decoded tile by tile",
        "pictures of 288x256 px",
    ]
    for artifact in result.artifacts:
        assert artifact.record.request["width"] == 288
        assert artifact.media.pixels.shape == (256, 288, 3)  # type: ignore[union-attr]
        assert artifact.record.details["decoded"] == "in tiles"
    with engine.loader.lease("stable-diffusion") as model:
        assert (model.together, model.tiled) == (2, False)
        model.pipe.unet._forward_pre_hooks.clear()
        model.pipe.unet._forward_pre_hooks_with_kwargs.clear()
    # The next visitor gets what was asked for.
    notes, result = outcome(engine, "stable-diffusion", large)
    assert notes == []
    for artifact in result.artifacts:
        assert artifact.media.pixels.shape == (256, 384, 3)  # type: ignore[union-attr]
        assert not {"decoded", "lessened"} & set(artifact.record.details)
