"""The commands for models of the hub, against a hub on loopback."""

import io
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aigc_core.__main__ import main
from aigc_core.catalog import OURS, Catalog, Licences, Words
from aigc_core.catalog_file import write
from aigc_core.catalog_model import CatalogModel
from aigc_core.fit import fit
from aigc_core.footprint import Part
from aigc_core.hardware import Device
from aigc_core.hub.snapshot import local
from aigc_core.hub.source import Source
from tests.hub.fixtures import hub
from tests.hub.server import HubServer
from tests.shop import REMOTE, entry, remote
from tests.stand_ins import stand_in

__all__ = ["hub", "stand_in"]

REPO = "Somebody/Tiny_LM"
ID = "tiny-lm"
Output = pytest.CaptureFixture[str]
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's own catalog, which is not there yet."""
    monkeypatch.delenv("AIGC_CATALOG", raising=False)
    monkeypatch.delenv("AIGC_ALLOW", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return tmp_path / "config" / "aigc" / "catalog.toml"


@pytest.fixture
def commit(hub: HubServer, stand_in: Callable[[str], Path]) -> str:
    return hub.add(REPO, stand_in("qwen3"), cardData={"license": "apache-2.0"})


@pytest.fixture
def added(commit: str) -> Source:
    """The model is in the catalog."""
    assert main(["add", REPO, "--yes"]) == 0
    return Source(REPO, commit)


def refusal(output: Output, *arguments: str) -> str:
    """The sentence of a command that could not do it, in English, after a look at the Chinese."""
    output.readouterr()
    assert main(["--lang", "zh", *arguments]) == 2
    assert HAN.search(output.readouterr().err)
    assert main(["--lang", "en", *arguments]) == 2
    out, error = output.readouterr()
    assert out == ""
    assert "Traceback" not in error
    return error


def test_add_says_what_it_found_and_asks(
    own: Path, commit: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer, there in (("n\n", False), ("", False), ("y\n", True)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert main(["--lang", "en", "add", f"https://huggingface.co/{REPO}"]) == 0
        out = capsys.readouterr().out
        for fact in (REPO, "Qwen3ForCausalLM", "kB", "apache-2.0", commit, "fits"):
            assert fact in out
        assert own.is_file() is there
    assert f"fetch {ID}" in out
    entry = Catalog.default().find(ID)
    assert entry.source == Source(REPO, commit)
    assert entry.family == "aigc_core.families.chat_lm"
    assert entry.download > entry.numbers > 0
    assert local(entry.source) is None


def test_add_takes_a_revision(own: Path, commit: str, capsys: Output) -> None:
    assert main(["add", REPO, "--revision", commit, "--yes"]) == 0
    assert tomllib.loads(own.read_text("utf-8"))["models"][ID]["revision"] == commit
    assert "no-such" in refusal(capsys, "add", REPO, "--revision", "no-such", "--yes")


def test_add_refuses_in_a_sentence(
    own: Path,
    added: Source,
    hub: HubServer,
    tmp_path: Path,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ID in refusal(capsys, "add", REPO, "--yes")
    assert "no such repository" in refusal(capsys, "add", "nobody/nothing", "--yes")
    assert "org/name" in refusal(capsys, "add", "nothing", "--yes")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "config.json").write_text('{"auto_map": {"AutoModel": "evil.Model"}}')
    hub.add("evil/code", tmp_path / "code")
    assert "no code from repositories is run" in refusal(capsys, "add", "evil/code", "--yes")
    monkeypatch.setenv("AIGC_ALLOW", "Good/*, other/name")
    assert "AIGC_ALLOW" in refusal(capsys, "add", REPO, "--yes")
    assert set(tomllib.loads(own.read_text("utf-8"))["models"]) == {ID}


def test_add_to_a_file_that_is_named_but_not_there_yet(
    commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CATALOG", str(tmp_path / "new" / "mine.toml"))
    assert main(["add", REPO, "--yes"]) == 0
    assert Catalog.default().find(ID).revision == commit


def test_what_stands_in_the_file_stays(own: Path, commit: str, capsys: Output) -> None:
    first = entry("first", "First", origin="hub", repo="a/b", revision="0" * 40)
    write(first)
    before = "# Mine.\n" + own.read_text("utf-8") + "# The end."
    own.write_text(before, "utf-8")
    assert main(["add", REPO, "--yes"]) == 0
    assert own.read_text("utf-8").startswith(before)
    assert set(Catalog.read(own).entries) == {"first", ID}

    broken = own.read_text("utf-8") + "\nbroken ="
    own.write_text(broken, "utf-8")
    assert "catalog.toml" in refusal(capsys, "add", REPO, "--yes")
    assert own.read_text("utf-8") == broken
    assert [path.name for path in own.parent.iterdir() if path.is_dir()] == []


def test_odd_words_survive_the_file(own: Path) -> None:
    odd = 'a"b\\c\n\t\x00\x7f\u2028\ud800 =[]{}#中文'
    model = entry(
        "x.y-1",
        "Odd",
        about=Words(en=odd, zh=odd),
        origin="hub",
        repo="a/b",
        revision="0" * 40,
        weights={"": 1, "text_encoder": 2},
        gated=True,
        licences=Licences(weights=odd, data=""),
    )
    write(model)
    found = Catalog.read(own).find("x.y-1")
    kept = odd.replace("\ud800", "?")
    assert (found.about.en, found.licences.weights) == (kept, kept)
    assert (found.weights, found.gated) == (model.weights, True)


def test_an_entry_twice_is_refused_and_the_file_stays(own: Path) -> None:
    model = entry("one", "One", origin="hub", repo="a/b", revision="0" * 40)
    write(model)
    before = own.read_bytes()
    with pytest.raises(Exception, match=r"catalog\.toml"):
        write(model)
    assert own.read_bytes() == before


def test_fetch_downloads_and_remove_deletes(added: Source, hub: HubServer, capsys: Output) -> None:
    capsys.readouterr()
    assert main(["models"]) == 0
    assert "to download" in capsys.readouterr().out
    assert main(["fetch", ID]) == 0
    assert f"{ID} is on this machine" in capsys.readouterr().out
    assert local(added) is not None
    hub.requests.clear()
    assert main(["fetch", ID]) == 0
    assert hub.requests == []
    capsys.readouterr()
    assert main(["--lang", "zh", "models"]) == 0
    assert "已在磁盘上" in capsys.readouterr().out

    assert main(["remove", ID]) == 0
    assert re.search(r"\d+ kB deleted", capsys.readouterr().out)
    assert local(added) is None
    assert "Nothing of it" in refusal(capsys, "remove", ID)


def test_fetch_and_remove_refuse_in_a_sentence(
    added: Source, hub: HubServer, capsys: Output
) -> None:
    for command in ("fetch", "remove"):
        assert "no model called" in refusal(capsys, command, "nobody")
    assert "hub" in refusal(capsys, "remove", "dcgan-mnist")
    hub.repositories[REPO] = replace(hub.repositories[REPO], gated=True)
    assert "HF_TOKEN" in refusal(capsys, "fetch", ID)
    assert main(["fetch", "dcgan-mnist"]) == 0  # It is here already.


def test_what_is_on_another_server_cannot_be_fetched(own: Path, capsys: Output) -> None:
    secret = remote().model_copy(update={"server": "http://me:secret@127.0.0.1:9/v1?key=secret"})
    write(secret)
    assert "another server" in refusal(capsys, "fetch", REMOTE)
    assert main(["models"]) == 0
    assert "answered by 127.0.0.1:9\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["fetch", "remove", "add"])
def test_help(command: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"python -m aigc_core {command}" in capsys.readouterr().out


def test_what_was_found_of_blocks_and_layers_is_kept(own: Path, added: Source) -> None:
    before = CatalogModel(Catalog.default().find(ID)).parts()
    assert main(["fetch", ID]) == 0
    after = CatalogModel(Catalog.default().find(ID)).parts()
    assert before == after
    assert 0 < before[0].block < before[0].numbers


@pytest.mark.parametrize("sizes", [[1, 2, 0], [1, 0, 2], [-1, 0, 0], [1, 1], [1, 1, 1, 1], "x"])
def test_odd_sizes_in_a_catalog_are_refused(own: Path, sizes: Any) -> None:
    with pytest.raises(ValueError, match="weights"):
        entry("odd", "Odd", origin="hub", repo="a/b", revision="0" * 40, weights={"": sizes})


def test_a_large_model_fits_before_its_download_as_it_will_after() -> None:
    """A text model of 8 billion weights, a few layers at a time on a card of 8 GB."""
    sizes = (8_190_735_360, 192_946_432, 622_329_856)
    large = entry("l", "L", origin="hub", repo="a/b", revision="0" * 40, weights={"": sizes})
    card = Device("cuda", 0, "GPU", 8 * 10**9, 8 * 10**9, bf16=True, fp16=True)
    ram = Device("cpu", 0, "CPU", 64 * 10**9, 17 * 10**9, unified=True)
    for parts, kind in ((large.parts, "slower"), ((Part("", sizes[0]),), "no")):
        assert (
            fit(parts, lambda _: 0, ("full", "group"), [card, replace(ram, free=17 * 10**9)]).kind
            == kind
        )


@pytest.mark.parametrize("site", ["https://evil.example", "http://huggingface.co.evil.example"])
def test_an_address_of_another_site_is_refused(
    own: Path, commit: str, capsys: Output, site: str
) -> None:
    said = refusal(capsys, "add", f"{site}/{REPO}", "--yes")
    assert site.partition("//")[2] in said
    assert "huggingface.co" in said


def test_the_address_of_a_mirror_is_understood(
    own: Path, commit: str, hub: HubServer, capsys: Output
) -> None:
    assert main(["add", f"{hub.endpoint}/{REPO}", "--yes"]) == 0
    assert ID in Catalog.default().entries


def test_an_entry_is_taken_out_again(own: Path, added: Source, capsys: Output) -> None:
    rest = '# Mine.\n[models."b"]  # b\ntitle = { en = "[models.tiny-lm]", zh = "乙" }\n'
    fields = own.read_text("utf-8").partition("\n")[2].split("\n", 1)[1]
    own.write_text(own.read_text("utf-8") + "# About b.\n" + rest + fields, "utf-8")
    assert set(Catalog.read(own).entries) == {ID, "b"}
    assert main(["fetch", ID]) == 0
    capsys.readouterr()
    assert main(["--lang", "en", "remove", ID, "--entry"]) == 0
    assert "any more" in capsys.readouterr().out
    assert own.read_text("utf-8") == "# About b.\n" + rest + fields
    assert local(added) is not None  # The other one needs its files.
    assert main(["remove", "b", "--entry"]) == 0
    assert local(added) is None
    assert Catalog.default().entries.keys() == Catalog.read(OURS).entries.keys()
    assert main(["add", REPO, "--yes"]) == 0
    assert ID in Catalog.default().entries


def test_only_ones_own_entries_are_taken_out(own: Path, added: Source, capsys: Output) -> None:
    before = own.read_bytes()
    assert "your own catalog" in refusal(capsys, "remove", "dcgan-mnist", "--entry")
    inline = own.read_text("utf-8").replace(f'[models."{ID}"]', f'[models]\n"{ID}".variant = ""')
    assert own.read_bytes() == before
    own.write_text(re.sub(r"^(?=\w)", f'"{ID}".', inline, flags=re.M), "utf-8")
    assert ID in Catalog.default().entries
    assert "edit the file" in refusal(capsys, "remove", ID, "--entry")
    assert ID in Catalog.default().entries
