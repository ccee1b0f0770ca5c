"""The quatrains out of their source: its own 300 poems, in traditional characters, stand for it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aigc_core.data import tang, tang_source
from aigc_core.data.source import DataFile, candidates
from aigc_core.errors import CorruptFile, DatasetMissing

ORIGINALS = "chinese_poetry/唐诗三百首.original.json"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of real poems where the cache keeps what was fetched, and no table."""
    original = next((path for path in candidates(ORIGINALS) if path.is_file()), None)
    if original is None:
        pytest.skip("the Tang poems are not on this machine")
    content = original.read_bytes()
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("AIGC_DATA_DIR")
    kept = tmp_path / "data" / "chinese_poetry" / "poet.tang.0.json"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    file = DataFile("chinese_poetry/poet.tang.0.json", digest, ())
    monkeypatch.setattr(tang_source, "files", lambda: [file])
    tang_source.quatrains_of_source.cache_clear()
    yield kept
    tang_source.quatrains_of_source.cache_clear()


def table() -> set[str]:
    return {poem.text for split in ("train", "test") for poem in tang.load_quatrains(split)}


def test_poems_out_of_the_source_are_those_of_the_table(request: pytest.FixtureRequest):
    known = table()
    request.getfixturevalue("source")
    poems = table()
    assert len(poems) > 100
    # The collection of 300 has other readings of a few.
    assert len(poems & known) >= 0.95 * len(poems)
    assert all(tang_source.CLAUSE.fullmatch(poem.partition("，")[0]) for poem in poems)


def test_a_title_and_an_author_come_with_each(source: Path):
    listed = json.loads(source.read_text("utf-8"))
    assert len(listed) > 300
    poems = tang.load_quatrains("train")
    assert all(poem.title and poem.author for poem in poems)
    assert any(poem.author == "李白" for poem in poems)


def test_changed_bytes_are_refused(source: Path):
    source.write_bytes(source.read_bytes() + b" ")
    with pytest.raises(CorruptFile):
        tang.load_quatrains("train")


def test_without_source_and_table_the_poems_are_missing(source: Path):
    source.unlink()
    with pytest.raises(DatasetMissing):
        tang.load_quatrains("train", download=False)


@pytest.mark.parametrize(
    "poem",
    [
        "床前明月光，疑是地上霜。举头望明月。",
        "床前明月光，疑是地上霜。举头望明月，低头思故乡。床前明月光，疑是地上霜。",
        "床前明月光，疑是地上霜。举头望明月，低头思故故乡。",
        "床前明月光，疑是地上霜。举头望明月，低头思故□。",
        "床前明月光，疑是地上霜。举头望明月，低头思故乡。x",
    ],
)
def test_what_is_no_quatrain_is_left_out(poem: str):
    assert not list(tang_source.quatrain(poem, 5))


def test_all_stops_become_those_of_the_form():
    poem = "床前明月光，疑是地上霜！举头望明月？低头思故乡。"
    assert list(tang_source.quatrain(poem, 5)) == [
        "床前明月光，疑是地上霜。举头望明月，低头思故乡。"
    ]
