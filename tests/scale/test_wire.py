import importlib
import pkgutil

import numpy as np
import pytest

import aigc_core
from aigc_core.artifact import Artifact
from aigc_core.engine import Engine
from aigc_core.errors import AigcError, DoesNotFit, InvalidRequest
from aigc_core.events import Event, Preview, Progress, Result
from aigc_core.families.remote_errors import ServerBusy
from aigc_core.hub.errors import DiskFull, RateLimited
from aigc_core.media import Image, Writing
from aigc_core.tasks import SampleImages
from aigc_core.text import Text
from scale.wire import Answering, Refused, pack, unpack

NOTE = Text("working", "进行中")


def test_a_whole_run_arrives_as_it_was() -> None:
    engine = Engine.default(batching=False)
    sent = list(engine.run(SampleImages(count=40, seed=3), model="dcgan-mnist"))
    engine.loader.close()
    came = [unpack(pack(event)) for event in sent]
    assert [type(event) for event in came] == [type(event) for event in sent]
    before, after = sent[-1], came[-1]
    assert isinstance(before, Result)
    assert isinstance(after, Result)
    assert [a.digest() for a in after.artifacts] == [a.digest() for a in before.artifacts]
    assert [a.record for a in after.artifacts] == [a.record for a in before.artifacts]


@pytest.mark.parametrize(
    "word",
    [Progress(3, 10, NOTE, bytes=True), Preview(Writing("字"), 2), Answering("a")],
    ids=["progress", "text", "replica"],
)
def test_words_arrive_as_they_were(word: Event | Answering) -> None:
    assert unpack(pack(word)) == word


def test_pixels_may_be_written_to_where_they_arrive() -> None:
    came = unpack(pack(Preview(Image(np.zeros((4, 4), np.uint8)), 1)))
    assert isinstance(came, Preview)
    assert isinstance(came.media, Image)
    came.media.pixels[0, 0] = 1


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest(Text("{a} is {{no}}", "{a}{{不行}}"), a="<x>"),
        DoesNotFit("sd", 3_000_000_000, 1_000_000_000),
        RateLimited("org/name", 17),
        DiskFull("org/name", 10, 5),
        ServerBusy("m", "host", 3),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_arrive_with_class_sentence_and_values(error: AigcError) -> None:
    word = unpack(pack(Refused.of(error)))
    assert isinstance(word, Refused)
    came = word.error()
    assert type(came) is type(error)
    assert (came.text, str(came)) == (error.text, str(error))
    assert vars(came) == vars(error)
    with pytest.raises(type(error)):
        raise came


def test_every_kind_of_error_can_be_sent() -> None:
    for module in pkgutil.walk_packages(aigc_core.__path__, "aigc_core."):
        if module.name.endswith("errors"):
            importlib.import_module(module.name)
    text = Text("what", "什么")
    kinds = [AigcError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        error = kind.__new__(kind)
        AigcError.__init__(error, text)
        word = unpack(pack(Refused.of(error)))
        assert isinstance(word, Refused)
        assert type(word.error()) is kind
    assert len(kinds) > 20


def test_an_artifact_keeps_its_caption() -> None:
    engine = Engine.default(batching=False)
    artifact = engine.result(SampleImages(count=1), model="dcgan-mnist").artifacts[0]
    engine.loader.close()
    shown = Artifact(artifact.media, artifact.record, NOTE)
    came = unpack(pack(Result((shown,))))
    assert isinstance(came, Result)
    assert came.artifacts[0].caption == NOTE
