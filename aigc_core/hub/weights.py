"""What a model takes, read from the headers of its weights: on the disk, or on the hub."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from aigc_core.footprint import Part
from aigc_core.hub.attempts import attempts
from aigc_core.hub.errors import Corrupt
from aigc_core.hub.files import (
    MODEL_INDEX,
    Components,
    File,
    choose_weights,
    held_variant,
    read_components,
    stem_of,
)
from aigc_core.hub.files import choose as choose_files
from aigc_core.hub.header import BadHeader, Tensor, header_length, read_header
from aigc_core.hub.listing import Listing, fetch_components, fetch_json, fetch_listing
from aigc_core.hub.meter import Meter
from aigc_core.hub.running import run
from aigc_core.hub.settings import repo_of
from aigc_core.hub.source import Source
from aigc_core.hub.transfer import quietly
from aigc_core.hub.web import Web, as_json

# Of a remote file, which mostly has the whole header of a small or middling model.
FIRST = 100_000
TOGETHER = 4
WEIGHTS = ".safetensors"
CONFIG = "config.json"
HEAD = "lm_head.weight"


def read_parts(folder: Path, variant: str = "") -> tuple[Part, ...]:
    """The components of a model in a local folder.

    Args:
        folder: a snapshot, or what `save_pretrained` wrote.
        variant: of the weights; a component that does not have it counts with the one it has.

    Raises:
        Corrupt: a file is no safetensors file, or its header lies.
        UnsafeRepository: there are weights, but not as safetensors.
    """
    repo = repo_of(folder)
    by_folder: dict[str, list[File]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            file = File(path.relative_to(folder).as_posix(), path.stat().st_size, "")
            by_folder.setdefault(file.folder, []).append(file)
    index = folder / MODEL_INDEX
    components = read_components(as_json(index.read_bytes())) if index.is_file() else None
    tensors: dict[str, list[Tensor]] = {}
    for part, stem in stems(components).items():
        inside = by_folder.get(part, [])
        chosen = choose_weights(repo, inside, stem, held_variant(inside, stem, variant))
        for file in chosen:
            if file.name.endswith(WEIGHTS):
                tensors.setdefault(part, []).extend(local_tensors(repo, folder, file))
    config = folder / CONFIG
    return parts_of(tensors, as_json(config.read_bytes()) if config.is_file() else None)


def fetch_parts(source: Source) -> tuple[Part, ...]:
    """The components of a model on the hub, without downloading it.

    Raises:
        HubError: its subclass says why they cannot be had.
    """
    meter = Meter(source.repo, quietly)

    async def work() -> tuple[Part, ...]:
        async with Web(source.repo) as web:
            listing = await fetch_listing(web, meter, source.revision)
            components = await fetch_components(web, meter, listing)
            files = choose_files(source.repo, listing.files, source.variant, components)
            told = await fetch_json(web, meter, listing, CONFIG) if listing.has(CONFIG) else None
            return await remote_parts(web, meter, listing, files, told)

    return run(meter, work)


async def remote_parts(
    web: Web, meter: Meter, listing: Listing, files: Sequence[File], config: Any = None
) -> tuple[Part, ...]:
    """The components of chosen files of the hub, four headers at a time.

    Args:
        config: what the model's config.json says, where there is one.
    """
    turns = asyncio.Semaphore(TOGETHER)

    async def one(file: File) -> list[Tensor]:
        async with turns:
            return await attempts(meter, lambda: remote_tensors(web, listing, file))

    weights = sorted(
        (file for file in files if file.name.endswith(WEIGHTS)), key=lambda file: file.name
    )
    tensors: dict[str, list[Tensor]] = {}
    for file, found in zip(weights, await asyncio.gather(*map(one, weights)), strict=True):
        tensors.setdefault(file.folder, []).extend(found)
    return parts_of(tensors, config)


def local_tensors(repo: str, folder: Path, file: File) -> Sequence[Tensor]:
    path = folder / file.name
    try:
        return header_of(path, path.stat().st_mtime_ns, file.size)
    except BadHeader as error:
        raise Corrupt(repo, file.name) from error


@lru_cache(maxsize=128)
def header_of(path: Path, stamp: int, size: int) -> Sequence[Tensor]:  # noqa: ARG001
    """The tensors of a file, which is read once as long as it stays as it is.

    Args:
        stamp: when it was last modified.
        size: in bytes.
    """
    with path.open("rb") as content:
        length = header_length(content.read(8), size)
        return tuple(read_header(content.read(length), size - 8 - length))


async def remote_tensors(web: Web, listing: Listing, file: File) -> list[Tensor]:
    path = web.of_file(listing.commit, file.name)
    try:
        content = await web.read_range(path, 0, min(FIRST, file.size))
        length = header_length(content, file.size)
        if 8 + length > len(content):
            content += await web.read_range(path, len(content), 8 + length)
        return read_header(content[8 : 8 + length], file.size - 8 - length)
    except BadHeader as error:
        raise Corrupt(web.repo, file.name) from error


def parts_of(tensors: dict[str, list[Tensor]], config: Any) -> tuple[Part, ...]:
    # Some files keep the last layer although, once loaded, it is the embedding itself.
    tied = tied_head(config)
    return tuple(
        part_of(name, (tensor for tensor in found if not (tied and tensor.name == HEAD)))
        for name, found in sorted(tensors.items())
    )


def tied_head(config: Any) -> bool:
    """Whether a language model's last layer has no weights of its own."""
    inner = config.get("text_config") if isinstance(config, dict) else None
    return any(
        isinstance(told, dict) and told.get("tie_word_embeddings") is True
        for told in (config, inner)
    )


def part_of(name: str, tensors: Iterable[Tensor]) -> Part:
    """One component.

    Its blocks are what its tensors' names number first (`layers.0.`, `down_blocks.1.`), its
    layers what their names end in (`…q_proj` of `…q_proj.weight`).
    """
    numbers = other = 0
    blocks: Counter[str] = Counter()
    layers: Counter[str] = Counter()
    for tensor in tensors:
        if not tensor.floating:
            other += tensor.bytes
            continue
        numbers += tensor.numbers
        names = tensor.name.split(".")
        layers[".".join(names[:-1])] += tensor.numbers
        first = next((at for at, word in enumerate(names) if word.isdigit()), None)
        if first is not None:
            blocks[".".join(names[: first + 1])] += tensor.numbers
    return Part(
        name,
        numbers,
        other,
        block=max(blocks.values(), default=0),
        layer=max(layers.values(), default=0),
    )


def stems(components: Components | None) -> dict[str, str]:
    """By folder, how its weights are called."""
    if components is None:
        return {"": stem_of("transformers")}
    return {name: stem_of(library) for name, (library, _) in components.items()}
