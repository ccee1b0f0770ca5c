"""Diffusers pipelines: put together part by part from files, and held on a device."""

import json
from collections.abc import Callable, Iterator
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from aigc_core.catalog import Entry
from aigc_core.errors import ModelUnavailable
from aigc_core.families.pretrained import read_model, reading, torch_dtype
from aigc_core.footprint import DENOISERS
from aigc_core.hub import classes
from aigc_core.placement import Placement
from aigc_core.text import Text

INDEX = "model_index.json"

UNKNOWN_CLASS = Text(
    "it needs {name}, which the installed libraries do not have, or which is not run here.",
    "它需要 {name}，而已安装的库中没有，或此处不予运行。",
)
NO_STEPS = Text(
    "its pipeline {name} does not tell of its steps, so that it could not be stopped.",
    "它的管线 {name} 不报告步骤，因而无法中途停止。",
)


def build(entry: Entry, folder: Path, placement: Placement, step: Callable[[], None]) -> Any:
    """The pipeline that model_index.json describes, on the placement's device.

    Classes come from the installed libraries by name; code of the repository never runs.

    Args:
        step: called between the parts.

    Raises:
        ModelUnavailable: a class is unknown, or files are missing or not what they should be.
    """
    with reading(entry):
        index = json.loads((folder / INDEX).read_text("utf-8"))
        kind = pipeline_class(entry, index.get("_class_name"))
        parts: dict[str, Any] = {}
        for name, value in index.items():
            if name.startswith("_"):
                continue
            if isinstance(value, list):
                library, part = value
                parts[name] = None
                if part is not None:
                    step()
                    found = part_class(entry, library, part)
                    parts[name] = read_part(entry, found, folder / name, placement)
            else:
                parts[name] = value
        step()
        pipe = kind(**fitting(kind, parts))
    pipe.set_progress_bar_config(disable=True)
    hold(pipe, placement, step)
    return pipe


def pipeline_class(entry: Entry, name: object) -> Any:
    kind = classes.pipeline_class(name)
    if kind is None:
        raise ModelUnavailable(entry.id, UNKNOWN_CLASS.fill(name=str(name)[:80]))
    if not classes.tells_steps(kind):
        raise ModelUnavailable(entry.id, NO_STEPS.fill(name=name))
    return kind


def part_class(entry: Entry, library: str, name: str) -> Any:
    """The class of a part: of diffusers, of transformers, or of a pipeline of diffusers."""
    found = classes.part_class(library, name)
    if found is None:
        raise ModelUnavailable(entry.id, UNKNOWN_CLASS.fill(name=f"{library}.{name}"[:80]))
    return found


def read_part(entry: Entry, kind: Any, folder: Path, placement: Placement) -> Any:
    import diffusers

    if issubclass(kind, diffusers.SchedulerMixin):
        return kind.from_pretrained(folder, local_files_only=True)  # It knows no code but its own.
    if not classes.is_network(kind):
        return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    # Of every tensor that safetensors maps, it keeps two small objects for good.
    whole = {"disable_mmap": True} if issubclass(kind, diffusers.ModelMixin) else {}
    variant = entry.variant
    has_variant = variant and any(folder.glob(f"*.{variant}*.safetensors"))
    return read_model(
        entry,
        kind,
        folder,
        variant=variant if has_variant else None,
        dtype=torch_dtype(placement.dtype),
        **whole,
    )


def fitting(kind: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """What the pipeline's class takes of it; optional parts that are not there are None."""
    taken = dict(signature(kind.__init__).parameters)
    taken.pop("self")
    missing = {
        name: None
        for name, parameter in taken.items()
        if parameter.default is Parameter.empty and name in kind._optional_components
    }
    return missing | {name: value for name, value in parts.items() if name in taken}


def hold(pipe: Any, placement: Placement, step: Callable[[], None]) -> None:
    """Brings a pipeline to its device, the way its rung says.

    `fp8` keeps the denoiser's weights in 8 bits and computes in the placement's dtype; the others
    keep everything in RAM and bring parts, blocks or layers to the device while they compute.
    """
    import torch

    device = torch.device(placement.device)
    if device.type == "mps" and placement.dtype != "float32":
        for decoder in decoders(pipe):
            decode_in_float32(decoder)
    if placement.rung == "fp8":
        denoiser(pipe).enable_layerwise_casting(
            storage_dtype=torch.float8_e4m3fn, compute_dtype=torch_dtype(placement.dtype)
        )
    if placement.rung in ("full", "fp8"):
        for network in networks(pipe):
            step()
            network.to(device)
    elif placement.rung == "offload":
        pipe.enable_model_cpu_offload(device=device)
    elif placement.rung == "group":
        for network in networks(pipe):
            step()
            offload_in_groups(network, device, blocks=network is denoiser(pipe))
    elif placement.rung == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        raise ValueError(f"pipelines are not held as {placement.rung}")


def offload_in_groups(network: Any, device: Any, *, blocks: bool) -> None:
    """Brings blocks, or single layers, to the device while they compute.

    Diffusers finds the blocks of denoisers only; of other networks it would bring the whole.
    """
    import torch
    from diffusers.hooks import apply_group_offloading

    apply_group_offloading(
        network,
        onload_device=device,
        offload_device=torch.device("cpu"),
        offload_type="block_level" if blocks else "leaf_level",
        num_blocks_per_group=1 if blocks else None,
        # The next one comes while one computes.
        use_stream=device.type in ("cuda", "xpu"),
    )


def networks(pipe: Any) -> Iterator[Any]:
    import torch

    return (part for part in pipe.components.values() if isinstance(part, torch.nn.Module))


def denoiser(pipe: Any) -> Any:
    return next(part for name in DENOISERS if (part := getattr(pipe, name, None)) is not None)


def decoders(pipe: Any) -> Iterator[Any]:
    return (part for name in ("vae", "vqvae") if (part := getattr(pipe, name, None)) is not None)


def decode_in_float32(vae: Any) -> None:
    """Half precision overflows in many a VAE, which shows as black pictures (on MPS mostly)."""
    import torch

    def cast(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            x.float() if torch.is_tensor(x) and x.is_floating_point() else x for x in inputs
        )

    vae.float()
    for part in vae.children():
        part.register_forward_pre_hook(cast)
