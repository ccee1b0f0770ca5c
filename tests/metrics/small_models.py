"""Small networks that were never trained, in a catalog of their own, for the reports of models."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.training.recipe import Recipe
from aigc_core.training.ship import ship

ENTRY = """
[models.{id}]
title = {{ en = "Small {id}", zh = "小{id}" }}
about = {{ en = "A test.", zh = "测试。" }}
family = "aigc_core.families.{family}"
origin = "scratch"
network = "{network}"
revision = "{revision}"
licences = {{ weights = "Apache-2.0", data = "public domain" }}
"""


def offer(home: Path, models: Mapping[str, tuple[str, nn.Module, Recipe]]) -> Path:
    """Ships networks into a folder; returns the catalog there that offers them.

    Args:
        home: the folder.
        models: family, network and recipe of each, by id.
    """
    entries = []
    for id, (family, network, recipe) in models.items():
        folder = ship(network, recipe, home / id, {"steps": "10", "batch": "4"})
        kind = type(network)
        entries.append(
            ENTRY.format(
                id=id,
                family=family,
                network=f"{kind.__module__}:{kind.__name__}",
                revision=digest(folder / WEIGHTS),
            )
        )
    catalog = home / "catalog.toml"
    catalog.write_text("".join(entries), "utf-8")
    return catalog
