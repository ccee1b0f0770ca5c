"""Models with random weights that are told what to do: ours, a pretrained one, and one not here.

A test module takes `small_engine` from here beside `suite` and `url` from `tests.reading_room`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aigc_core.catalog import Catalog, Entry
from aigc_core.catalog_model import CatalogModel
from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.engine import Engine
from aigc_core.loader import Loader
from aigc_core.training.ship import ship
from tests.downloaded import Downloaded
from tests.families import test_seq2seq
from tests.families.characters import PROSE, VERSE, network
from tests.reading_room import AWAY, asked_by_the_page, entry

PLAY, POET, TRANSLATOR, CHATTER = "small-play", "small-poet", "small-translator", "qwen3"


def character_model(home: Path, id: str, vocabulary: str, family: str) -> Entry:
    """A character Transformer as a checkpoint on the disk."""
    folder = home / id
    network("transformer", vocabulary, context=64).save_pretrained(folder)
    return entry(
        id,
        folder,
        family=f"aigc_core.families.{family}",
        origin="scratch",
        network="aigc_core.models.char_transformer:CharTransformer",
        revision=digest(folder / WEIGHTS),
    )


@pytest.fixture(scope="module")
def small_engine(
    tmp_path_factory: pytest.TempPathFactory, downloaded: Downloaded
) -> Iterator[Engine]:
    """The engine that the page asks."""
    home = tmp_path_factory.mktemp("models")
    # Playwright's event loop may run in this thread, where a download cannot run its own.
    with ThreadPoolExecutor(1) as thread:
        chatter = thread.submit(downloaded, CHATTER).result()
    translator = ship(test_seq2seq.network(), test_seq2seq.recipe(), home / TRANSLATOR)
    entries = [
        character_model(home, PLAY, PROSE, "char_lm"),
        character_model(home, POET, VERSE, "quatrains"),
        test_seq2seq.entry(translator),
        chatter,
        entry(
            AWAY,
            home,
            family="aigc_core.families.chat_lm",
            origin="hub",
            repo="nobody/nothing",
            revision="0" * 40,
            weights={"": 1_000_000},
            download=2_000_000,
        ),
    ]
    catalog = Catalog(entries)
    ours = Engine(catalog, Loader(lambda model: CatalogModel(catalog.find(model))))
    with asked_by_the_page(ours) as made:
        yield made
