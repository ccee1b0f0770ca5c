"""Small repositories for the hub on loopback: real files, random weights."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from aigc_core.hub.patience import Patience
from aigc_core.hub.source import Source
from aigc_core.hub.transfer import Transfer
from tests.hub.server import HubServer

REPO = "org/name"
# As a hub is treated by people in a hurry.
SNAPPY = Patience(preflight=2.0, quiet=0.8, stall=2.0, pauses=(0.05, 0.05, 0.05), longest=2.0)


def weights(path: Path, size: int = 200_000, seed: int = 0) -> Path:
    """A safetensors file of about this many bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).standard_normal(size // 4, dtype=np.float32)
    save_file({"layers.0.weight": values, "layers.1.bias": values[:10].copy()}, path)
    return path


def text_model(folder: Path, size: int = 200_000) -> Path:
    """What a small text model looks like on the hub, with things that nobody needs."""
    weights(folder / "model.safetensors", size)
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0"}))
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02pickled")
    (folder / "README.md").write_text("A model.")
    return folder


def pipeline(folder: Path, components: Iterable[str] = ("unet", "vae"), variant: str = "") -> Path:
    """What a small pipeline looks like on the hub, with a checkpoint in one file beside it."""
    index: dict[str, object] = {
        "_class_name": "StableDiffusionPipeline",
        "safety_checker": [None] * 2,
    }
    for seed, name in enumerate(components):
        index[name] = ["diffusers", "UNet2DConditionModel"]
        ending = f".{variant}.safetensors" if variant else ".safetensors"
        weights(folder / name / f"diffusion_pytorch_model{ending}", 40_000, seed)
        (folder / name / "config.json").write_text("{}")
    index["scheduler"] = ["diffusers", "EulerDiscreteScheduler"]
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text('{"a": 1}')
    (folder / "model_index.json").write_text(json.dumps(index))
    weights(folder / "all_in_one.safetensors")
    return folder


def served(hub: HubServer, folder: Path, size: int = 200_000, **about: object) -> Source:
    """A small text model on the hub."""
    return Source(REPO, hub.add(REPO, text_model(folder, size), **about))


def same_files(snapshot: Path, folder: Path) -> bool:
    """Whether every file of a snapshot is that of the repository."""
    files = [path for path in snapshot.rglob("*") if path.is_file()]
    return bool(files) and all(
        path.read_bytes() == (folder / path.relative_to(snapshot)).read_bytes() for path in files
    )


def names(snapshot: Path) -> set[str]:
    return {p.relative_to(snapshot).as_posix() for p in snapshot.rglob("*") if p.is_file()}


class Watching:
    """Keeps what a download reports, and ends it when it is told to."""

    def __init__(self, stop: Callable[[Transfer], bool] = lambda transfer: False) -> None:
        self.seen: list[Transfer] = []
        self.stop = stop

    def __call__(self, transfer: Transfer) -> None:
        from aigc_core.errors import Cancelled

        self.seen.append(transfer)
        if self.stop(transfer):
            raise Cancelled
