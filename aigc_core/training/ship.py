"""Weights as the suite ships them: config.json, model.safetensors, and what else they need."""

import json
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import PyTorchModelHubMixin
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from aigc_core.checkpoint import CONFIG, SETTINGS, WEIGHTS
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import UnreadableFile
from aigc_core.text import Text
from aigc_core.training.recipe import Recipe, digests

DAMAGED = Text(
    "{name} is not a file of weights, or it is damaged.", "{name} 不是权重文件，或已损坏。"
)


def ship(
    network: nn.Module,
    recipe: Recipe,
    folder: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Path:
    """Writes a network into a folder (default: the suite's own for this recipe).

    `settings`, those of the training, go into the file, so that no card need tell of another.
    The recipe's own files go beside it, and their digests into it.

    With `recipe.half`, floating tensors are rounded to float16, which halves the file; the loader
    reads them back as float32.
    """
    folder = folder or CHECKPOINTS / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    files = recipe.files()
    settings = {**(settings or {}), **digests(files)}
    write_weights(network, folder / WEIGHTS, half=recipe.half, settings=settings)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert isinstance(network, PyTorchModelHubMixin)
    config = json.dumps(network._hub_mixin_config, indent=2, sort_keys=True)
    (folder / CONFIG).write_text(config + "\n", "utf-8")
    return folder


def write_weights(
    network: nn.Module, path: Path, *, half: bool, settings: Mapping[str, str] | None = None
) -> None:
    """Parameters and buffers as safetensors; `half` rounds floating ones to float16.

    The training's settings are one string of the file's metadata: of several, safetensors writes
    the order at random.
    """
    told = {SETTINGS: json.dumps(settings, sort_keys=True)} if settings else None
    tensors = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    if half:
        tensors = {n: t.half() if t.is_floating_point() else t for n, t in tensors.items()}
    save_file({n: t.contiguous() for n, t in tensors.items()}, path, metadata=told)
    # safetensors makes the file readable by its owner alone.
    path.chmod(0o644)


def read_settings(path: Path) -> dict[str, str]:
    """The settings of the training that made the weights in a file; empty where it tells none.

    Raises:
        UnreadableFile: it is not one that `write_weights` wrote.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            told = json.loads((file.metadata() or {}).get(SETTINGS, "{}"))
        return {str(name): str(value) for name, value in told.items()}
    except (SafetensorError, OSError, ValueError, AttributeError) as error:
        raise UnreadableFile(DAMAGED, name=path.name) from error
