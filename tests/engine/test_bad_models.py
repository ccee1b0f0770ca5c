import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_core.checkpoint import CONFIG, WEIGHTS
from aigc_core.errors import ModelUnavailable
from aigc_core.tasks import SampleImages
from tests.engine.engines import MODEL, changed, in_use, made

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")


def copy(folder: Path) -> Path:
    return shutil.copytree(changed().folder, folder)


def cut_off(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])


def another_revision(folder: Path) -> None:
    with (folder / WEIGHTS).open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))


def other_settings(folder: Path) -> None:
    (folder / CONFIG).write_text('{"width": 4}')


def no_weights(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


@pytest.mark.parametrize("harm", [cut_off, another_revision, other_settings, no_weights])
def test_beside_a_bad_model_the_good_one_works(harm: Callable[[Path], None], tmp_path: Path):
    folder = copy(tmp_path / "bad")
    harm(folder)
    engine = made(changed(id="bad", folder=folder), changed())
    for _ in range(2):
        with pytest.raises(ModelUnavailable) as caught:
            engine.result(SampleImages.ask(count=1), model="bad")
        problem = engine.problem(engine.catalog.find("bad"))
        assert problem is not None
        assert caught.value.why.en in problem.en
        assert caught.value.why.zh in problem.zh
    assert len(engine.result(SampleImages.ask(count=2), model=MODEL).artifacts) == 2
    assert engine.problem(engine.catalog.find(MODEL)) is None
    assert in_use(engine) == 0
    engine.loader.close()


def test_a_mended_model_works(tmp_path: Path):
    folder = copy(tmp_path / "mended")
    another_revision(folder)
    engine = made(changed(folder=folder))
    with pytest.raises(ModelUnavailable):
        engine.result(SampleImages.ask(count=1))
    another_revision(folder)
    assert len(engine.result(SampleImages.ask(count=1)).artifacts) == 1
    engine.loader.close()


@pytest.mark.parametrize("network", ["aigc_core.models.dcgan:Nobody", "no.such:Net", "", ":Net"])
def test_an_unknown_network_is_that_models_problem_alone(network: str):
    engine = made(changed(id="bad", network=network), changed())
    with pytest.raises(ModelUnavailable, match="network"):
        engine.result(SampleImages.ask(count=1), model="bad")
    assert len(engine.result(SampleImages.ask(count=1), model=MODEL).artifacts) == 1
    engine.loader.close()
