"""What families of models from the hub have in common: files that are here, read strictly."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.catalog import Entry
from aigc_core.errors import ModelUnavailable
from aigc_core.hub.snapshot import local
from aigc_core.tasks.base import brief
from aigc_core.text import Text

if TYPE_CHECKING:
    import torch

ABSENT = Text(
    "its files are not on this machine. Download it first.", "本机没有它的文件。请先下载。"
)
UNREADABLE = Text(
    "its files cannot be read ({why}). Delete it and download it again.",
    "无法读取它的文件（{why}）。请删除后重新下载。",
)
NO_PACKAGE = Text(
    "it needs a package that is not installed here ({why}).",
    "它需要本机未安装的软件包（{why}）。",
)
INCOMPLETE = Text(
    "weights are missing from its files or have another shape ({count}, the first is {name}).",
    "它的文件中有权重缺失或形状不符（共 {count} 个，第一个是 {name}）。",
)


def snapshot(entry: Entry) -> Path:
    """The folder of its files.

    Raises:
        ModelUnavailable: they are not on this machine.
    """
    folder = local(entry.source)
    if folder is None:
        raise ModelUnavailable(entry.id, ABSENT)
    return folder


@contextmanager
def reading(entry: Entry) -> Iterator[None]:
    """Around reading a model's files.

    Raises:
        ModelUnavailable: they are not what the model needs, or a package is missing.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        yield
    except ImportError as error:
        why = NO_PACKAGE.fill(why=error.name or brief(error))
        raise ModelUnavailable(entry.id, why) from error
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        why = UNREADABLE.fill(why=type(error).__name__)
        raise ModelUnavailable(entry.id, why) from error


def read_model(entry: Entry, kind: Any, folder: Path, **settings: Any) -> Any:
    """A model of transformers or diffusers out of a folder, ready for inference.

    It comes from safetensors alone, and no code of its repository runs. Both libraries fill
    weights that are missing with random numbers; here that is an error.

    Raises:
        ModelUnavailable: weights are missing, or have another shape than the config says.
    """
    model, found = kind.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # They are told below.
        **settings,
    )
    mismatched = {key if isinstance(key, str) else key[0] for key in found["mismatched_keys"]}
    if wrong := sorted(mismatched.union(found["missing_keys"])):
        raise ModelUnavailable(entry.id, INCOMPLETE.fill(count=len(wrong), name=wrong[0]))
    return model.eval().requires_grad_(False)


def torch_dtype(name: str) -> "torch.dtype":
    import torch

    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype
