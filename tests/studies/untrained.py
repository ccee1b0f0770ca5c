"""A model that knows no classes, made for a test and never trained."""

from pathlib import Path

import torch

from aigc_core.catalog import Catalog, Entry
from aigc_core.checkpoint import CONFIG, WEIGHTS, digest
from aigc_core.models.gan import Generator


def entry_of(home: Path, id: str, revision: str = "sha256:0") -> Entry:
    """An entry like our first one, with a folder of its own."""
    first = next(iter(Catalog.default().entries.values()))
    changes = {
        "id": id,
        "folder": home / id,
        "network": "aigc_core.models.gan:Generator",
        "revision": revision,
    }
    return Entry(**{**first.model_dump(), **changes})


def untrained(home: Path, id: str) -> Entry:
    """A small network in a folder, and its entry."""
    torch.manual_seed(0)
    folder = home / id
    Generator(latent_dim=8, sides=(4, 4)).save_pretrained(folder)
    assert {CONFIG, WEIGHTS} <= {file.name for file in folder.iterdir()}
    return entry_of(home, id, digest(folder / WEIGHTS))
