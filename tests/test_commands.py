import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from aigc_core import __main__ as program
from aigc_core.__main__ import main
from aigc_core.artifact import read_record
from aigc_core.catalog import Catalog, Entry
from aigc_core.catalog_file import write
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.commands import doctor
from aigc_core.data.mnist import is_here
from aigc_core.tasks import TASKS, FindNeighbours

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")

MODEL = "dcgan-mnist"
STAND_INS = {"sd-turbo": "stable-diffusion", "qwen3-0.6b": "qwen3"}
MODEST = {"seed": "7", "width": "64", "height": "64", "tokens": "8"}
HAN = re.compile(r"[\u4e00-\u9fff]")
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIGC_CATALOG", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def refusal(output: Output, *arguments: str) -> str:
    """The sentence of a command that could not do it, after checking both languages."""
    said = {}
    for language in ("en", "zh"):
        assert main(["--lang", language, *arguments]) == 2
        out, error = output.readouterr()
        assert out == ""
        assert "Traceback" not in error
        assert len(error.strip().splitlines()) == 1
        said[language] = error.strip()
    assert HAN.search(said["zh"])
    assert not HAN.search(said["en"])
    return said["en"]


def test_sample_writes_arrays(tmp_path: Path, capsys: Output):
    out = tmp_path / "new" / "samples.npz"
    assert main(["sample", MODEL, "--count", "12", "--seed", "5", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == f"{out}: 12 x 28 x 28"
    with np.load(out, allow_pickle=False) as arrays:
        assert set(arrays) == {"images", "labels"}
        images, labels = arrays["images"], arrays["labels"]
    assert (images.shape, images.dtype) == ((12, 28, 28), np.float32)
    assert 0 <= images.min() < images.max() <= 1
    assert (labels.shape, labels.dtype) == ((12,), np.int64)
    assert set(labels) <= set(range(10))


def test_sample_takes_a_label_and_truncation(tmp_path: Path):
    out = tmp_path / "samples.npz"
    assert main(["sample", MODEL, "--count=2", "--label=3", "--truncation=0", f"--out={out}"]) == 0
    with np.load(out) as arrays:
        assert arrays["labels"].tolist() == [3, 3]
        assert np.abs(arrays["images"][0] - arrays["images"][1]).max() < 0.005


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody"], "no model called"),
        ([MODEL, "--count", "0"], "at least 1"),
        ([MODEL, "--count", "-7"], "at least 1"),
        ([MODEL, "--label", "ten"], "Digit"),
        ([MODEL, "--truncation", "nan"], "Truncation"),
        ([MODEL, "--seed", "-1"], "Seed"),
    ],
)
def test_sample_refuses_in_a_sentence(
    arguments: list[str], says: str, tmp_path: Path, capsys: Output
):
    out = tmp_path / "samples.npz"
    assert says in refusal(capsys, "sample", *arguments, "--out", str(out))
    assert not out.exists()


@pytest.fixture
def small_pretrained(
    downloaded: Callable[[str], Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stand-ins in the places of the pretrained models."""
    own = tmp_path / "own.toml"
    for id, name in STAND_INS.items():
        write(downloaded(name).model_copy(update={"id": id}), own)
    monkeypatch.setenv("AIGC_CATALOG", str(own))


@pytest.mark.usefixtures("small_pretrained")
@pytest.mark.parametrize("task", list(TASKS))
def test_run_answers_every_task_into_a_folder(task: str, tmp_path: Path, capsys: Output):
    request = TASKS[task]
    if request is FindNeighbours and not is_here():
        pytest.skip("MNIST is not on this machine")
    given = []
    for name, value in MODEST.items():
        if name in request.model_fields:
            given += [f"--{name}", value]
    if "picture" in request.model_fields:
        digit = np.zeros((60, 60), np.uint8)
        digit[10:50, 25:32] = 255
        Pillow.fromarray(digit).save(tmp_path / "one.png")
        given += ["--picture", str(tmp_path / "one.png")]
    assert main(["run", task, *given, "--out", str(tmp_path / "out")]) == 0
    files = [Path(line) for line in capsys.readouterr().out.splitlines()]
    # Every artifact has a name of its own.
    assert sorted(files) == sorted((tmp_path / "out").iterdir())
    assert len(set(files)) == len(files)
    for file in files:
        record = read_record(file)
        assert record.task == task
        assert record.model == Catalog.default().answering(request)[0].id
        assert record.request.get("seed", 7) == 7


def test_run_writes_one_sheet(tmp_path: Path, capsys: Output):
    out = tmp_path / "sheet.png"
    arguments = ["run", "sample-images", "--count", "12", "--label", "each", "--out", str(out)]
    assert main([*arguments, "--model", MODEL, "--truncation", "0.5"]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    with Pillow.open(out) as sheet:
        assert sheet.size == (280, 56)
    assert read_record(out).request == {
        "label": "each",
        "count": 12,
        "seed": 0,
        "truncation": 0.5,
    }


def test_run_writes_a_gif_and_a_zip(tmp_path: Path):
    gif, pack = tmp_path / "walk.gif", tmp_path / "all.zip"
    walk = ["run", "interpolate-images", "--seed-to", "9", "--steps", "3", "--path", "lerp"]
    assert main([*walk, "--out", str(gif)]) == 0
    assert read_record(gif).request["path"] == "lerp"
    assert main(["run", "sample-images", "--count", "3", "--out", str(pack)]) == 0
    with zipfile.ZipFile(pack) as archive:
        assert len(archive.namelist()) == 3


def test_run_is_the_same_each_time(tmp_path: Path):
    for name in ("a", "b"):
        assert main(["run", "sample-images", "--count=2", f"--out={tmp_path / name}"]) == 0
    for file in (tmp_path / "a").iterdir():
        with Pillow.open(file) as one, Pillow.open(tmp_path / "b" / file.name) as other:
            assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sample-images", "--count", "1000000000"], "from 1 to 100"),
        (["sample-images", "--count", "many"], "How many"),
        (["sample-images", "--seed", "nan"], "Seed"),
        (["sample-images", "--truncation", "inf"], "Truncation"),
        (["trace-image", "--label", "<b>"], "Digit"),
        (["interpolate-images", "--steps", "-1"], "Steps"),
        (["interpolate-images", "--path", "detour"], "Path"),
        (["sample-images", "--model", "nobody"], "no model called"),
    ],
)
def test_run_refuses_in_a_sentence(arguments: list[str], says: str, tmp_path: Path, capsys: Output):
    out = tmp_path / "out"
    assert says in refusal(capsys, "run", *arguments, "--out", str(out))
    assert not out.exists()


def test_run_refuses_an_ending_that_does_not_fit(tmp_path: Path, capsys: Output):
    for ending in ("gif", "jpg"):
        out = str(tmp_path / f"a.{ending}")
        assert f".{ending}" in refusal(capsys, "run", "sample-images", "--count=1", "--out", out)
    trace = refusal(capsys, "run", "trace-image", "--out", str(tmp_path / "a.png"))
    assert "folder" in trace


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_a_place_that_cannot_be_written_is_told_in_a_sentence(
    place: str, tmp_path: Path, capsys: Output
):
    (tmp_path / "taken").touch()
    out = str(tmp_path / place)
    assert out in refusal(capsys, "run", "sample-images", "--count=1", "--out", out)
    if place != "taken":
        assert out in refusal(capsys, "sample", MODEL, "--count=1", "--out", out)


def test_models_lists_the_catalog(capsys: Output):
    for language in ("en", "zh"):
        assert main(["--lang", language, "models"]) == 0
        out = capsys.readouterr().out
        for entry in Catalog.default().entries.values():
            assert entry.id in out
            assert entry.name.say(language) in out
            if entry.origin == "scratch":
                assert f"{entry.parameters:,}" in out


def test_models_lists_what_cannot_be_loaded_and_what_has_no_card(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
):
    own = tmp_path / "own.toml"
    lines = (Path(program.__file__).with_name("catalog.toml")).read_text("utf-8").split("\n\n")
    entry = next(part for part in lines if f"[models.{MODEL}]" in part)
    bad = entry.replace(f"[models.{MODEL}]", "[models.broken]")
    bare = entry.replace(f"[models.{MODEL}]", "[models.bare]")
    (tmp_path / "bare").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "bare" / name).symlink_to(CHECKPOINTS / MODEL / name)
    own.write_text(f"{bad}\n\n{bare}\n", "utf-8")
    monkeypatch.setenv("AIGC_CATALOG", str(own))
    assert main(["--lang", "zh", "models"]) == 0
    out = capsys.readouterr().out
    assert "缺少 config.json" in out
    assert "bare" in out
    assert "模型卡" in out


def test_a_bad_catalog_is_told_in_a_sentence(
    tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIGC_CATALOG", str(tmp_path / "nowhere.toml"))
    for command in (["models"], ["doctor"], ["run", "trace-image", f"--out={tmp_path / 'a'}"]):
        assert "nowhere.toml" in refusal(capsys, *command)


def test_doctor_says_what_works(capsys: Output):
    for language in ("en", "zh"):
        assert main(["--lang", language, "doctor"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert all(line[:4] in ("ok  ", "--  ", "    ") for line in lines)
        for (_, what, _), line in zip(
            doctor.findings(), [line for line in lines if line[:2] != "  "], strict=True
        ):
            assert line[4:12] == what.say(language)[:8]


def test_doctor_says_what_would_help(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AIGC_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    for finding in (doctor.digits(), doctor.browser(), doctor.package("no-such-package")):
        good, what, advice = finding
        assert not good
        assert all([*what, *advice])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sample"],
        ["run"],
        *(["run", task] for task in TASKS),
        ["models"],
        ["doctor"],
    ],
    ids=" ".join,
)
def test_help(arguments: list[str], capsys: Output):
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: python -m aigc_core")
    if len(arguments) == 2:
        fields = TASKS[arguments[1]].model_fields
        assert all(f"--{name.replace('_', '-')}" in out for name in fields)


@pytest.mark.parametrize("arguments", [[], ["paint"], ["run", "paint"], ["sample", MODEL]])
def test_wrong_use_is_answered_with_the_usage(arguments: list[str], capsys: Output):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "name", "language"),
    [
        ("LC_ALL", "zh_CN.UTF-8", "zh"),
        ("LC_ALL", "en_GB.UTF-8", "en"),
        ("LANG", "zh_TW", "zh"),
        ("LANG", "de_DE", "en"),
    ],
)
def test_the_terminal_decides_the_language(
    variable: str, name: str, language: str, monkeypatch: pytest.MonkeyPatch, capsys: Output
):
    monkeypatch.delenv("LC_ALL")
    monkeypatch.setenv(variable, name)
    assert program.spoken() == language
    assert main(["sample", "nobody", "--out", "x.npz"]) == 2
    assert bool(HAN.search(capsys.readouterr().err)) == (language == "zh")
