"""A hub on loopback with tiny stand-ins (random weights), and an engine that offers them.

What is measured here is our path around a model, not the model: a tiny one shows more of it.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aigc_core.catalog import Catalog, Entry
from aigc_core.catalog_model import CatalogModel
from aigc_core.engine import Engine
from aigc_core.loader import Loader
from tests.hub.server import HubServer
from tests.stand_ins import BUILDERS

FAMILIES = {
    "qwen3": "aigc_core.families.causal_lm",
    "gpt2": "aigc_core.families.causal_lm",
    "stable-diffusion": "aigc_core.families.text_to_image",
}
SETTINGS = ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE",
            "HUGGINGFACE_HUB_CACHE")  # fmt: skip


@dataclass
class Stage:
    """The hub, the entries of its stand-ins, and where their files lie.

    Args:
        folder: empty at first; the hub's files are cached in `hf` below it.
    """

    hub: HubServer
    entries: dict[str, Entry]
    originals: dict[str, Path]
    folder: Path

    def engine(self, **settings: Any) -> Engine:
        """An engine over the stand-ins; `settings` are those of `Loader`."""
        catalog = Catalog(list(self.entries.values()))
        loader = Loader(
            lambda model: CatalogModel(catalog.find(model)), **{"batching": False, **settings}
        )
        return Engine(catalog, loader)


@contextmanager
def stage(*names: str) -> Iterator[Stage]:
    """Builds stand-ins of these names and serves them, each as `stand-in/NAME`."""
    with tempfile.TemporaryDirectory() as place, HubServer() as hub:
        folder = Path(place)
        kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        kept |= {"HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.endpoint}
        kept |= {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        with patch.dict(os.environ, kept, clear=True):
            originals = {name: BUILDERS[name](folder / name) for name in names}
            entries = {
                name: Entry.model_validate(
                    {
                        "id": name,
                        "title": {"en": f"{name}, random weights", "zh": f"{name}，随机权重"},
                        "about": {"en": "A stand-in.", "zh": "替身模型。"},
                        "family": FAMILIES[name],
                        "origin": "hub",
                        "folder": folder,
                        "repo": f"stand-in/{name}",
                        "revision": hub.add(f"stand-in/{name}", originals[name]),
                        "licences": {"weights": "Apache-2.0", "data": "none"},
                    }
                )
                for name in names
            }
            yield Stage(hub, entries, originals, folder)
