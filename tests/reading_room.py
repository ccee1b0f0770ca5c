"""A text page of its own for tests: some demos, over small networks with random weights.

A test module takes `suite` and `url` from here in place of those of the whole suite, and says in
`DEMOS` which demos it wants.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import aigc_core
from aigc_core.catalog import Catalog, Entry
from aigc_core.catalog_model import CatalogModel
from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.engine import Engine
from aigc_core.loader import Loader
from aigc_core.text import Text
from tests.families.characters import network

# So few that all of them can be candidates.
FEW = "\n ,.abehnorst<>"
OURS, SECOND, AWAY = "small-transformer", "small-lstm", "far-away"


def entry(id: str, folder: Path, **fields: Any) -> Entry:
    words = {"en": f"{id}, for tests", "zh": f"{id}，供测试"}
    licences = {"weights": "Apache-2.0", "data": "none"}
    given = {"id": id, "title": words, "about": words, "folder": folder, "licences": licences}
    return Entry.model_validate(given | fields)


def scratch(home: Path, id: str, kind: str, family: str, network_class: str) -> Entry:
    """A character model with random weights, as a checkpoint on the disk."""
    folder = home / id
    network(kind, FEW, context=64).save_pretrained(folder)
    return entry(
        id,
        folder,
        family=f"aigc_core.families.{family}",
        origin="scratch",
        network=f"aigc_core.models.{network_class}",
        revision=digest(folder / WEIGHTS),
    )


def engine(home: Path) -> Engine:
    """Two models of ours, and a pretrained one that is not on this machine."""
    away = entry(
        AWAY,
        home,
        family="aigc_core.families.causal_lm",
        origin="hub",
        repo="nobody/nothing",
        revision="0" * 40,
        weights={"": 1_000_000},
        download=2_000_000,
    )
    entries = [
        scratch(home, OURS, "transformer", "char_attention", "char_transformer:CharTransformer"),
        scratch(home, SECOND, "lstm", "char_lm", "char_lstm:CharLSTM"),
        away,
    ]
    catalog = Catalog(entries)
    return Engine(catalog, Loader(lambda model: CatalogModel(catalog.find(model))))


@contextmanager
def asked_by_the_page(made: Engine) -> Iterator[Engine]:
    """An engine in the place of the suite's own; closed at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aigc_core, "_chosen", [made])
        aigc_core.default_engine.cache_clear()
        yield made
    aigc_core.default_engine.cache_clear()
    made.loader.close()


@pytest.fixture(scope="module")
def small_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine that the page asks."""
    with asked_by_the_page(engine(tmp_path_factory.mktemp("models"))) as made:
        yield made


@pytest.fixture(scope="module")
def suite(
    request: pytest.FixtureRequest,
    small_engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """The page with the demos of the test module, served on a free port of this machine."""
    from apps.suite import build_alone
    from apps.ui.demo import Modality
    from apps.ui.serve import serve

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        app = build_alone(Modality("text", Text("Text", "文本"), request.module.DEMOS))
        serve(app, inbrowser=False, prevent_thread_lock=True)
        yield app
        app.close()


@pytest.fixture(scope="module")
def url(suite: Any) -> str:
    return str(suite.local_url)
