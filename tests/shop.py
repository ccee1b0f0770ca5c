"""A suite whose models page has something to manage: a hub on loopback, and models of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aigc_core.catalog import Catalog, Entry, Licences, Words
from aigc_core.catalog_model import CatalogModel
from aigc_core.engine import Engine
from aigc_core.loader import Loader
from apps.models.board import Boards
from apps.models.downloads import Downloads
from tests.hub.fixtures import hub
from tests.hub.server import HubServer
from tests.stand_ins import stand_in

__all__ = ["Shop", "hub", "shop", "stand_in"]

TINY, GATED, REMOTE = "tiny", "gated", "far"


@dataclass
class Shop:
    """What a test has: the hub, the engine behind the page, and its downloads."""

    hub: HubServer
    engine: Engine
    downloads: Downloads = field(default_factory=Downloads)

    def slow(self, rate: int = 20_000) -> None:
        """Lets weights come slowly, in bytes a second."""
        self.hub.fault("slow", "*.safetensors", rate=rate)


def entry(id: str, title: str, **fields: Any) -> Entry:
    return Entry(
        **{
            "id": id,
            "title": Words(en=title, zh=f"{title}（测试）"),
            "about": Words(en="Random weights.", zh="随机权重。"),
            "family": "aigc_core.families.causal_lm",
            "folder": Path("none"),
            "licences": Licences(weights="Apache-2.0", data="none"),
            **fields,
        }
    )


def remote() -> Entry:
    """A model on a server that nobody runs."""
    return entry(
        REMOTE,
        "Far",
        family="aigc_core.families.remote_text",
        origin="remote",
        server=f"http://127.0.0.1:9/{'long' * 30}",
        served="far",
    )


@pytest.fixture
def shop(
    hub: HubServer,
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    """The suite's own models, a tiny one of the hub, a gated one and a remote one."""
    from apps.models import adding, board, orders

    own = tmp_path / "own" / "catalog.toml"
    own.parent.mkdir()
    own.write_text("[models]\n", "utf-8")
    monkeypatch.setenv("AIGC_CATALOG", str(own))
    for name in ("AIGC_ALLOW", "AIGC_OWNER", "SYSTEM", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    folder = stand_in("qwen3")
    ours = Catalog.read(Path(board.__file__).parents[2] / "aigc_core" / "catalog.toml")
    scratch = [entry for entry in ours.entries.values() if entry.origin in ("scratch", "data")]
    catalog = Catalog(
        [
            entry(
                TINY,
                "Tiny",
                origin="hub",
                repo="tests/tiny",
                revision=hub.add("tests/tiny", folder),
                weights={"": 200_000},
            ),
            entry(
                GATED,
                "Gated",
                origin="hub",
                repo="tests/gated",
                revision=hub.add("tests/gated", folder, gated=True),
                weights={"": 200_000},
                gated=True,
            ),
            remote(),
            *scratch,
        ]
    )
    loader = Loader(lambda model: CatalogModel(catalog.find(model)), batching=False)
    shop = Shop(hub, Engine(catalog, loader))
    boards = Boards(lambda: shop.engine, shop.downloads)
    for module in (orders, adding, board):
        monkeypatch.setattr(module, "default_engine", lambda: shop.engine)
    for module in (orders, adding):
        monkeypatch.setattr(module, "BOARDS", boards)
    monkeypatch.setattr(orders, "DOWNLOADS", shop.downloads)
    yield shop
    for id in shop.downloads.running:
        shop.downloads.cancel(id)
    loader.close()
