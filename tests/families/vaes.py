"""Small VAEs with random weights, in checkpoint folders of their own, behind an engine."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from aigc_core.catalog import Catalog, Entry, Licences, Words
from aigc_core.checkpoint import CONFIG, WEIGHTS, digest
from aigc_core.engine import CatalogModel, Engine
from aigc_core.loader import Loader
from aigc_core.models.vae import VAE

COUNTS = (5, 3, 2, 4, 4, 4, 4, 4, 4, 4)


def vae(latent_dim: int, class_counts: Sequence[int] = ()) -> VAE:
    """A network whose pictures and latents differ with what they are made from."""
    torch.manual_seed(latent_dim)
    network = VAE(latent_dim=latent_dim, class_counts=list(class_counts), width=16).eval()
    torch.nn.init.normal_(network.encoder[-1].weight, std=0.3)
    torch.nn.init.normal_(network.paint.weight, std=1.0)
    return network.requires_grad_(False)


def entry_of(network: VAE, folder: Path, family: str) -> Entry:
    """The network's weights and config in a folder, as an entry of a catalog."""
    folder.mkdir(parents=True)
    save_file(network.state_dict(), folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(network._hub_mixin_config), "utf-8")
    return Entry(
        id=folder.name,
        title=Words(en=folder.name, zh=folder.name),
        about=Words(en="", zh=""),
        family=f"aigc_core.families.{family}",
        origin="scratch",
        network="aigc_core.models.vae:VAE",
        folder=folder,
        revision=digest(folder / WEIGHTS),
        licences=Licences(weights="", data=""),
    )


def engine_of(*entries: Entry, batching: bool = False) -> Engine:
    catalog = Catalog(list(entries))
    loader = Loader(lambda model: CatalogModel(catalog.find(model)), batching=batching)
    return Engine(catalog, loader)
