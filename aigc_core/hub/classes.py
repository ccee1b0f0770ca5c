"""Which classes of the installed libraries a repository's index may name."""

import importlib
from inspect import signature
from typing import Any

# Names that transformers has given up.
RENAMED = {"CLIPFeatureExtractor": "CLIPImageProcessor"}


def pipeline_class(name: object) -> Any:
    """A pipeline of diffusers; None where there is none of this name."""
    import diffusers

    found = getattr(diffusers, name, None) if isinstance(name, str) else None
    return (
        found
        if isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)
        else None
    )


def tells_steps(pipeline: Any) -> bool:
    """Whether a pipeline calls back after each step, without which it cannot be stopped."""
    return "callback_on_step_end" in signature(pipeline.__call__).parameters


def part_class(library: str, name: str) -> Any:
    """A class of diffusers, of transformers, or of a pipeline's module in diffusers.

    None where they have none of this name, or where it is neither a network nor what prepares its
    inputs or steps: classes that choose others, such as `AutoModel`, would read what they like.
    """
    module: Any = None
    if library in ("diffusers", "transformers"):
        module = importlib.import_module(library)
    elif library.isidentifier():
        module = getattr(importlib.import_module("diffusers.pipelines"), library, None)
    found = getattr(module, RENAMED.get(name, name), None)
    return found if is_network(found) or is_helper(found) else None


def is_network(kind: Any) -> bool:
    """Whether a class keeps weights, which come from safetensors alone."""
    import diffusers
    import transformers

    networks = (diffusers.ModelMixin, transformers.PreTrainedModel)
    return isinstance(kind, type) and issubclass(kind, networks)


def is_helper(kind: Any) -> bool:
    """Whether a class is a tokenizer, a processor, a feature extractor or a scheduler."""
    import diffusers
    from transformers import FeatureExtractionMixin, PreTrainedTokenizerBase, ProcessorMixin
    from transformers.image_processing_base import ImageProcessingMixin

    helpers = (
        diffusers.SchedulerMixin,
        FeatureExtractionMixin,
        ImageProcessingMixin,
        PreTrainedTokenizerBase,
        ProcessorMixin,
    )
    return isinstance(kind, type) and issubclass(kind, helpers)
