"""Reading shipped weights strictly: what does not fit is refused, never guessed.

`PyTorchModelHubMixin` publishes our networks, but its own loading lets missing tensors and
unknown settings pass and falls through to the network, so this module reads the files.
"""

import hashlib
import inspect
import json
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from aigc_core.errors import ModelUnavailable
from aigc_core.text import Text

if TYPE_CHECKING:
    from torch import nn

CONFIG, WEIGHTS = "config.json", "model.safetensors"
# The key of the training's settings in the metadata of a weights file; among them, under the name
# of each file that belongs to the weights, stands its digest.
SETTINGS = "training"


def read_config(folder: Path) -> dict[str, Any]:
    """The settings of a checkpoint's network.

    Raises:
        ModelUnavailable: config.json is missing or not a JSON object.
    """
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        raise missing(folder, CONFIG) from None
    except (OSError, ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise ModelUnavailable(
            folder.name, Text("config.json is not a JSON object.", "config.json 不是 JSON 对象。")
        )
    return config


def read_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The tensors in a checkpoint and their shapes, from the file's header alone.

    Raises:
        ModelUnavailable: model.safetensors is missing or damaged.
    """
    try:
        with safe_open(folder / WEIGHTS, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise missing(folder, WEIGHTS) from None
    except (SafetensorError, OSError) as error:
        raise damaged(folder) from error


def count_weights(folder: Path) -> int:
    """How many numbers the network learned, running statistics and counters left out."""
    shapes = read_shapes(folder)
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    return sum(prod(shape) for name, shape in shapes.items() if not name.endswith(buffers))


def digest(path: Path) -> str:
    """`sha256:` and the hash of a file."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(content: bytes) -> str:
    """The same of bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def read_beside(folder: Path, name: str) -> bytes:
    """A file that the weights need, such as a vocabulary, if it is the one they were trained with.

    Raises:
        ModelUnavailable: it is missing, or not the one whose digest the weights hold.
    """
    try:
        content = (folder / name).read_bytes()
        with safe_open(folder / WEIGHTS, framework="numpy") as file:
            told = json.loads((file.metadata() or {}).get(SETTINGS, "{}"))
    except FileNotFoundError as error:
        raise missing(folder, name if not (folder / name).exists() else WEIGHTS) from error
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(folder) from error
    if not isinstance(told, dict) or told.get(name) != digest_of(content):
        raise ModelUnavailable(
            folder.name,
            Text(
                "{name} is not the one that its weights were trained with.",
                "{name} 不是训练这些权重时所用的文件。",
            ).fill(name=name),
        )
    return content


def load_network(network: type["nn.Module"], folder: Path, revision: str | None = None) -> Any:
    """The network of a checkpoint, on the CPU in float32 and eval mode.

    Args:
        network: its class; config.json holds exactly its arguments.
        folder: with config.json and model.safetensors.
        revision: what `digest` must give for the weights, or None to accept any.

    Raises:
        ModelUnavailable: a file is missing or damaged, the weights are not those of the revision,
            a setting is unknown, missing or wrong, or a tensor is missing, unknown or misshapen.
    """
    from safetensors.torch import load_file

    config = read_config(folder)
    allowed = set(inspect.signature(network).parameters)
    if strange := sorted(set(config) ^ allowed):
        raise ModelUnavailable(
            folder.name,
            Text(
                "config.json and the network do not agree on: {names}.",
                "config.json 与网络不一致：{names}。",
            ).fill(names=", ".join(strange)),
        )
    if not (folder / WEIGHTS).is_file():
        raise missing(folder, WEIGHTS)
    if revision is not None and digest(folder / WEIGHTS) != revision:
        raise ModelUnavailable(
            folder.name,
            Text(
                "its weights are not those that the catalog names.",
                "权重文件与模型目录中登记的不符。",
            ),
        )
    try:
        tensors = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise damaged(folder) from error
    try:
        made = network(**config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelUnavailable(
            folder.name,
            Text(
                "the network cannot be made with the values in config.json.",
                "无法按 config.json 中的值建立网络。",
            ),
        ) from error
    wanted = {name: tuple(value.shape) for name, value in made.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if wrong := sorted(dict(wanted.items() ^ found.items())):
        raise ModelUnavailable(
            folder.name,
            Text(
                "these tensors are missing, unknown or misshapen: {names}.",
                "以下张量缺失、多余或形状不符：{names}。",
            ).fill(names=", ".join(wrong[:4]) + (" …" if len(wrong) > 4 else "")),
        )
    made.load_state_dict(tensors, strict=True)
    return made.float().eval().requires_grad_(False)


def missing(folder: Path, name: str) -> ModelUnavailable:
    return ModelUnavailable(
        folder.name, Text("{name} is missing.", "缺少 {name}。").fill(name=name)
    )


def damaged(folder: Path) -> ModelUnavailable:
    return ModelUnavailable(folder.name, Text("its weights file is damaged.", "权重文件已损坏。"))
