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
    tensors = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    if recipe.half:
        tensors = {n: t.half() if t.is_floating_point() else t for n, t in tensors.items()}
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    told = {"training": json.dumps(settings, sort_keys=True)} if settings else None
    save_file(tensors, folder / WEIGHTS, metadata=told)
    # safetensors makes the file readable by its owner alone.
    (folder / WEIGHTS).chmod(0o644)
    assert isinstance(network, PyTorchModelHubMixin)
    config = json.dumps(network._hub_mixin_config, indent=2, sort_keys=True)
    (folder / CONFIG).write_text(config + "\n")
    return folder
