"""Weights as the suite ships them: config.json and model.safetensors, nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import PyTorchModelHubMixin
from safetensors.torch import save_file
from torch import nn

from aigc_core.checkpoint import CONFIG, WEIGHTS
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.training.recipe import Recipe


def ship(
    network: nn.Module,
    recipe: Recipe,
    folder: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Path:
    """Writes a network into a folder (default: the suite's own for this recipe).

    `settings`, those of the training, go into the file's metadata, so that no card need tell of
    another. They are one string: of several, safetensors writes the order at random.

    With `recipe.half`, floating tensors are rounded to float16, which halves the file; the loader
    reads them back as float32.
    """
    folder = folder or CHECKPOINTS / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    told = {"training": json.dumps(settings, sort_keys=True)} if settings else None
    write_weights(network, folder / WEIGHTS, half=recipe.half, metadata=told)
    assert isinstance(network, PyTorchModelHubMixin)
    config = json.dumps(network._hub_mixin_config, indent=2, sort_keys=True)
    (folder / CONFIG).write_text(config + "\n")
    return folder


def write_weights(
    network: nn.Module, path: Path, *, half: bool, metadata: dict[str, str] | None = None
) -> None:
    """Parameters and buffers as safetensors; `half` rounds floating ones to float16."""
    tensors = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    if half:
        tensors = {n: t.half() if t.is_floating_point() else t for n, t in tensors.items()}
    save_file({n: t.contiguous() for n, t in tensors.items()}, path, metadata=metadata)
    # safetensors makes the file readable by its owner alone.
    path.chmod(0o644)
