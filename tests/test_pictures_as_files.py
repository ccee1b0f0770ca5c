"""Pictures on the command line: files are read as digits, and each output gets a file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from aigc_core.__main__ import main
from aigc_core.artifact import read_record
from aigc_core.data import mnist
from aigc_core.digits import pack, read_digit, unpack
from aigc_core.tasks import TASKS, VaryImage
from tests.families.vaes import engine_of, entry_of, vae

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

Output = pytest.CaptureFixture[str]
PICTURED = [name for name, task in TASKS.items() if "picture" in task.model_fields]


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine over a model that reads, and digits for it to find."""
    engine = engine_of(entry_of(vae(2), tmp_path / "map", "latent_map"))
    monkeypatch.setattr("aigc_core.engine.Engine.default", lambda *, batching: engine)
    rng = np.random.default_rng(0)
    digits = mnist.Digits(rng.integers(0, 256, (40, 28, 28)).astype(np.uint8), np.arange(40) % 10)
    monkeypatch.setattr("aigc_core.families.autoencoder.load_mnist", lambda split: digits)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    page = Pillow.new("RGB", (500, 400), (230, 225, 210))
    ImageDraw.Draw(page).line([(100, 90), (200, 90), (140, 300)], fill=(30, 30, 90), width=24)
    page.save(tmp_path / "seven.jpg")
    return tmp_path / "seven.jpg"


def run(*arguments: object) -> int:
    return main(["--lang", "en", "run", *map(str, arguments)])


def test_three_tasks_take_a_picture():
    assert PICTURED == ["encode-image", "vary-image", "find-neighbours"]


@pytest.mark.parametrize("task", PICTURED)
def test_a_file_is_read_as_a_digit_and_every_output_gets_a_file(
    task: str, drawing: Path, tmp_path: Path, capsys: Output
):
    out = tmp_path / "out"
    assert run(task, "--picture", drawing, "--out", out) == 0
    files = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(files) == sorted(out.iterdir())
    counts = {"encode-image": 2, "vary-image": 40, "find-neighbours": 8}
    assert len(set(files)) == counts[task]
    for file in files:
        record = read_record(file)
        assert record.task == task
        assert np.array_equal(unpack(record.request["picture"]), read_digit(drawing))


def test_what_is_written_of_a_reading_says_which_is_which(drawing: Path, tmp_path: Path):
    assert run("encode-image", "--picture", drawing, "--out", tmp_path / "out") == 0
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {"map-000000-picture.png", "map-000000-reconstruction.png"}
    with Pillow.open(tmp_path / "out" / "map-000000-picture.png") as picture:
        assert pack(np.asarray(picture)) == pack(read_digit(drawing))
        assert len(picture.info["Description"]) < 200


def test_variations_on_one_sheet_keep_their_rows(drawing: Path, tmp_path: Path):
    sheet = tmp_path / "sheet.png"
    arguments = ("--rows", 3, "--columns", 4, "--distance", 0.5, "--out", sheet)
    assert run("vary-image", "--picture", drawing, *arguments) == 0
    with Pillow.open(sheet) as picture:
        assert picture.size == (4 * 28, 3 * 28)
    assert VaryImage(**read_record(sheet).request).rows == 3


@pytest.mark.parametrize(
    ("task", "ending", "size"),
    [
        ("decode-latent", "png", (28, 28)),
        ("map-latent", "png", (560, 560)),
        ("walk-latent", "gif", (28, 28)),
    ],
)
def test_a_map_has_one_file(task: str, ending: str, size: tuple[int, int], tmp_path: Path):
    file = tmp_path / f"made.{ending}"
    assert run(task, "--out", file) == 0
    with Pillow.open(file) as picture:
        assert picture.size == size
    assert read_record(file).task == task


@pytest.mark.parametrize("task", PICTURED)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no file called "),
        (b"", "This file is empty."),
        (b"not a picture", "This is not a picture that we read"),
        (b"blank", "There is no drawing in this picture"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(
    task: str, content: bytes | None, says: str, tmp_path: Path, capsys: Output
):
    file = tmp_path / "picture.png"
    if content == b"blank":
        Pillow.new("L", (50, 50), 255).save(file)
    elif content is not None:
        file.write_bytes(content)
    assert run(task, "--picture", file, "--out", tmp_path / "out") == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(says)
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
