import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from aigc_core.catalog import OURS, Catalog, Entry
from aigc_core.checkpoint import CONFIG, WEIGHTS, digest, read_shapes
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data import mnist
from aigc_core.errors import AigcError, ModelUnavailable, UnknownModel
from aigc_core.tasks import TASKS, Request, SampleImages
from tests.fresh import fresh

IDS = list(Catalog.read(OURS).entries)
ENTRY = """
[models.{id}]
title = {{ en = "Mine", zh = "我的" }}
about = {{ en = "A model.", zh = "一个模型。" }}
family = "aigc_core.families.image_sampler"
origin = "scratch"
network = "aigc_core.models.dcgan:Generator"
revision = "sha256:0"
licences = {{ weights = "MIT", data = "CC0" }}
"""


@pytest.fixture(autouse=True)
def no_file_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIGC_CATALOG", raising=False)


@pytest.fixture
def ours() -> Catalog:
    return Catalog.default()


def own(folder: Path, *ids: str, **changes: str) -> Path:
    """A host's file with such entries, some lines changed."""
    text = "".join(ENTRY.format(id=id) for id in ids)
    for name, line in changes.items():
        text = re.sub(rf"^{name} = .*$", line, text, flags=re.MULTILINE)
    path = folder / "own.toml"
    path.write_text(text, "utf-8")
    return path


def changed(entry: Entry, **changes: Any) -> Entry:
    return Entry(**{**entry.model_dump(), **changes})


def test_ours_is_the_default(ours: Catalog):
    assert list(ours.entries) == IDS
    assert IDS[0] == "dcgan-mnist"


@pytest.mark.parametrize("id", IDS)
def test_every_entry_of_ours_is_whole(id: str, ours: Catalog):
    entry = ours.find(id)
    assert entry.id == id
    assert re.fullmatch(r"[a-z0-9]+([-.][a-z0-9]+)*", id)
    assert entry.folder == CHECKPOINTS / id
    assert all([*entry.name, *entry.summary, entry.licences.data])
    assert bool(entry.licences.weights) != entry.is_data
    assert entry.summary.en.endswith(".")
    assert entry.summary.zh.endswith("。")
    assert entry.problem() is None


@pytest.mark.parametrize("id", IDS)
def test_every_revision_is_the_hash_of_its_file(id: str, ours: Catalog):
    entry = ours.find(id)
    if entry.origin == "hub":
        assert entry.source.revision == entry.revision
    elif entry.is_data:
        assert entry.revision == mnist.revision("test")
    elif entry.origin == "algorithm":
        assert entry.revision.isdecimal()
    else:
        assert entry.revision == digest(entry.folder / WEIGHTS)


@pytest.mark.parametrize("id", IDS)
def test_every_entry_answers_something(id: str, ours: Catalog):
    entry = ours.find(id)
    answered = [request for request in TASKS.values() if entry.answers(request)]
    assert answered
    assert set(entry.module.ANSWERS) <= set(TASKS.values())
    assert callable(entry.module.load)
    for request in answered:
        assert (entry in ours.data(request)) == entry.is_data
        assert (entry in ours.answering(request)) != entry.is_data


def of_origin(origin: str) -> list[str]:
    return [id for id, entry in Catalog.read(OURS).entries.items() if entry.origin == origin]


@pytest.mark.parametrize("id", of_origin("hub"))
def test_sizes_of_pretrained_models_are_known_without_their_files(id: str, ours: Catalog):
    entry = ours.find(id)
    assert entry.parameters == entry.numbers == sum(p.numbers for p in entry.parts) > 10**8
    assert not entry.conditional
    assert not entry.folder.exists()


@pytest.mark.parametrize("id", of_origin("scratch"))
def test_sizes_are_read_from_the_weights(id: str, ours: Catalog):
    entry = ours.find(id)
    shapes = read_shapes(entry.folder)
    assert 0 < entry.parameters <= entry.numbers
    assert entry.file_bytes == (entry.folder / WEIGHTS).stat().st_size
    assert entry.file_bytes > entry.numbers
    assert len(json.loads((entry.folder / CONFIG).read_text())) > 0
    assert len(shapes) > 0


def test_families_are_light():
    code = (
        "import sys\n"
        "from aigc_core.catalog import Catalog\n"
        "families = {entry.module.__name__ for entry in Catalog.default().entries.values()}\n"
        "from aigc_core.tasks import TASKS\n"
        "[Catalog.default().answering(request) for request in TASKS.values()]\n"
        "heavy = {'torch', 'transformers', 'diffusers', 'accelerate', 'gradio', 'scipy'}\n"
        "print(len(families) > 0, sorted(heavy & set(sys.modules)))"
    )
    assert fresh(code, AIGC_CATALOG="").strip() == "True []"


def test_every_task_has_a_model(ours: Catalog):
    assert all(ours.answering(request) for request in TASKS.values())


def test_no_model_answers_an_unknown_request(ours: Catalog):
    class Unknown(Request):
        """Nobody knows it."""

    assert ours.answering(Unknown) == []


def test_the_first_of_the_file_is_the_default(ours: Catalog):
    both = Catalog([changed(ours.find("dcgan-mnist"), id=id) for id in ("b", "a")])
    assert [entry.id for entry in both.answering(SampleImages)] == ["b", "a"]


@pytest.mark.parametrize(
    "model", ["gpt", "", "../dcgan-mnist", "<b>\u202e\0" * 1000, None, 3, [1], {"a": 1}, True]
)
def test_an_unknown_model_is_named_briefly(model: Any, ours: Catalog):
    with pytest.raises(UnknownModel) as caught:
        ours.find(model)
    for text in caught.value.text:
        assert len(text) < 100
        assert "<" not in text
        assert text.isprintable()


def test_a_hosts_file_adds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AIGC_CATALOG", str(own(tmp_path, "mine", "other")))
    catalog = Catalog.default()
    assert list(catalog.entries) == [*IDS, "mine", "other"]
    assert catalog.find("mine").folder == tmp_path / "mine"
    assert catalog.find("mine").name == ("Mine", "我的")


def test_a_hosts_file_replaces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AIGC_CATALOG", str(own(tmp_path, IDS[0])))
    catalog = Catalog.default()
    assert list(catalog.entries) == IDS
    assert catalog.find(IDS[0]).licences.weights == "MIT"
    assert catalog.find(IDS[0]).folder == tmp_path / IDS[0]


def test_folders_are_relative_to_the_file(tmp_path: Path):
    file = own(tmp_path, "mine", origin='origin = "scratch"\nfolder = "deep/er"')
    assert Catalog.read(file).find("mine").folder == tmp_path / "deep" / "er"


def test_folders_may_be_absolute(tmp_path: Path):
    folder = tmp_path / "elsewhere"
    file = own(tmp_path, "mine", origin=f'origin = "scratch"\nfolder = "{folder}"')
    assert Catalog.read(file).find("mine").folder == folder


def test_a_hosts_model_can_be_good(tmp_path: Path):
    shutil.copytree(CHECKPOINTS / "dcgan-mnist", tmp_path / "mine")
    revision = digest(tmp_path / "mine" / WEIGHTS)
    file = own(tmp_path, "mine", revision=f'revision = "{revision}"')
    assert Catalog.read(file).find("mine").problem() is None


def test_a_hosts_model_without_files_has_a_problem(tmp_path: Path):
    problem = Catalog.read(own(tmp_path, "mine")).find("mine").problem()
    assert problem is not None
    assert all(CONFIG in text for text in problem)


@pytest.mark.parametrize("family", ["no.such", "", ".relative", "json", "数字", "a b"])
def test_an_unknown_family_is_that_models_problem_alone(
    family: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = own(tmp_path, "mine", family=f'family = "{family}"')
    monkeypatch.setenv("AIGC_CATALOG", str(file))
    catalog = Catalog.default()
    problem = catalog.find("mine").problem()
    assert problem is not None
    assert all(family in text for text in problem)
    with pytest.raises(ModelUnavailable):
        _ = catalog.find("mine").module
    for request in TASKS.values():
        assert "mine" not in [entry.id for entry in catalog.answering(request)]
        assert catalog.answering(request)


BAD = {
    "empty": "",
    "not toml": "[models",
    "not utf-8": b"\xff\xfe",
    "no table": "models = 3",
    "a list": "models = [1]",
    "an entry that is none": "[models]\nmine = 3",
    "an entry without fields": "[models.mine]",
    "a model without a network": re.sub("network = .*", "", ENTRY.format(id="mine")),
    "a wrong origin": ENTRY.format(id="mine").replace("scratch", "stolen"),
    "an unknown field": ENTRY.format(id="mine") + "size = 3\n",
    "one language": ENTRY.format(id="mine").replace(', zh = "我的"', ""),
    "a folder that is none": ENTRY.format(id="mine") + "folder = 3\n",
    "an id of its own": ENTRY.format(id="mine") + 'id = "other"\n',
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_file_gives_one_error_that_names_it(content: str | bytes, tmp_path: Path):
    path = tmp_path / "own.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(AigcError) as caught:
        Catalog.read(OURS, path)
    assert all("own.toml" in text for text in caught.value.text)
    assert re.search(r"[\u4e00-\u9fff]", caught.value.text.zh)


def test_a_missing_file_gives_the_same_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for place in (tmp_path / "nowhere.toml", tmp_path):
        monkeypatch.setenv("AIGC_CATALOG", str(place))
        with pytest.raises(AigcError, match=place.name):
            Catalog.default()


def test_a_short_name_ends_at_the_comma(ours: Catalog):
    assert ours.find(IDS[0]).short == ("DCGAN", "DCGAN")
    assert ours.find("mnist-test").short == ours.find("mnist-test").name


def test_entries_are_frozen(ours: Catalog):
    with pytest.raises(ValueError, match="frozen"):
        ours.find(IDS[0]).revision = "sha256:1"
