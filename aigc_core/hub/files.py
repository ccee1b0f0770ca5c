"""Which files of a repository a model is made of: safetensors, settings, tokenizers; no more."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from aigc_core.hub.errors import NotFound, UnsafeRepository
from aigc_core.text import Text

MODEL_INDEX = "model_index.json"
SHARD = r"-(?P<n>\d{5})-of-(?P<of>\d{5})"
WEIGHTS = re.compile(
    r"(?P<stem>model|diffusion_pytorch_model)"
    rf"(?:\.(?P<variant>[A-Za-z][\w]*))?(?:{SHARD})?(?:\.(?P<late>[A-Za-z][\w]*))?\.safetensors"
)
# Settings and tokenizers are text, except for the models of SentencePiece.
PLAIN = (".json", ".txt", ".model", ".spm", ".jinja", ".tiktoken")
TERMS = ("LICENSE", "LICENCE", "NOTICE")
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
OTHER_WEIGHTS = (*PICKLES, ".msgpack", ".h5", ".onnx", ".gguf")
TEMPLATES = "additional_chat_templates"

Components = Mapping[str, tuple[str, str]]
"""Of a diffusers pipeline: the library and the class of each component, by its folder."""


@dataclass(frozen=True)
class File:
    """One file of a repository.

    Args:
        name: its path there, with slashes.
        size: bytes.
        blob: its checksum, by which the cache calls it: the SHA-256 of its content for large
            files (64 digits), the SHA-1 that git gives it for the others (40).
    """

    name: str
    size: int
    blob: str

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0]

    @property
    def base(self) -> str:
        return self.name.rpartition("/")[2]


def safe_name(name: str) -> bool:
    """Whether a repository's path stays inside the folder that it is put in."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and str(path) == name
        and not any(part in ("..", ".") for part in path.parts)
        and not re.search(r'[\x00-\x1f\\:*?"<>|]', name)
    )


def read_components(index: object) -> Components:
    """The components that model_index.json names; those that are switched off are left out."""
    if not isinstance(index, dict):
        return {}
    return {
        name: (value[0], value[1])
        for name, value in index.items()
        if not name.startswith("_")
        and isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], str)
    }


def choose(
    repo: str, files: Iterable[File], variant: str = "", components: Components | None = None
) -> tuple[File, ...]:
    """The files that loading needs, the small ones first.

    Args:
        repo: for the errors.
        files: all of the repository.
        variant: of the weights; a component that does not have it comes in the plain one.
        components: of a pipeline; None for a model of transformers, which lies at the top.

    Raises:
        UnsafeRepository: weights are there, but not as safetensors.
        NotFound: a shard, the index of the shards, or the plain variant is missing.
    """
    by_folder: dict[str, list[File]] = {}
    for file in files:
        by_folder.setdefault(file.folder, []).append(file)
    chosen = [file for file in by_folder.get("", []) if file.base.startswith(TERMS)]
    if components is None:
        weights = choose_weights(repo, by_folder.get("", []), "model", variant)
        if not weights:
            raise no_safetensors(repo)
        chosen += weights + plain(by_folder.get("", []))
        chosen += [f for f in by_folder.get(TEMPLATES, []) if f.base.endswith(".jinja")]
    else:
        chosen += [file for file in by_folder.get("", []) if file.base == MODEL_INDEX]
        for name, (library, _) in components.items():
            inside = by_folder.get(name, [])
            weights = choose_weights(repo, inside, stem_of(library), variant)
            chosen += weights + plain(inside)
    return tuple(sorted(dict.fromkeys(chosen), key=lambda file: (file.size, file.name)))


def plain(files: Sequence[File]) -> list[File]:
    """Settings and tokenizer files; the indices of shards come with the shards."""
    return [f for f in files if f.base.endswith(PLAIN) and ".index." not in f.base]


def choose_weights(repo: str, files: Sequence[File], stem: str, variant: str) -> list[File]:
    """The weights of one folder, each once: one file, or shards and their index."""
    of_variant = variants(files, stem)
    found = of_variant.get(variant) or of_variant.get("")
    if found is None:
        folder = f"{files[0].folder}/" if files and files[0].folder else ""
        if of_variant:
            raise NotFound(repo, f"{folder}{stem}.safetensors")
        if any(file.base.endswith(OTHER_WEIGHTS) for file in files):
            raise no_safetensors(repo)
        return []
    used = variant if variant in of_variant else ""
    whole = [file for file in found if not re.search(SHARD, file.base)]
    return whole[:1] or sharded(repo, files, found, stem, used)


def variants(files: Iterable[File], stem: str) -> dict[str, list[File]]:
    """The weights of one folder by their variant; empty is the plain one."""
    found: dict[str, list[File]] = {}
    for file in files:
        match = WEIGHTS.fullmatch(file.base)
        if match and match["stem"] == stem:
            found.setdefault(match["variant"] or match["late"] or "", []).append(file)
    return found


def held_variant(files: Iterable[File], stem: str, wanted: str) -> str:
    """The variant that is wanted, where it is there; else the plain one, else what there is."""
    found = variants(files, stem)
    return next((name for name in (wanted, "", *found) if name in found), wanted)


def stem_of(library: str) -> str:
    """How a library calls the weights of a component, without the ending."""
    return "diffusion_pytorch_model" if library == "diffusers" else "model"


def sharded(
    repo: str, files: Sequence[File], shards: Sequence[File], stem: str, variant: str
) -> list[File]:
    """All shards, and the index without which nothing finds a tensor in them."""
    folder = f"{shards[0].folder}/" if shards[0].folder else ""
    sets: dict[int, dict[int, File]] = {}
    for file in shards:
        match = re.search(SHARD, file.base)
        assert match
        sets.setdefault(int(match["of"]), {})[int(match["n"])] = file
    count, found = max(sets.items(), key=lambda item: len(item[1]) / max(1, item[0]))
    names = [f"{stem}.safetensors.index.json"]
    if variant:
        names = [
            f"{stem}.safetensors.index.{variant}.json",
            f"{stem}.{variant}.safetensors.index.json",
            *names,
        ]
    by_name = {file.base: file for file in files}
    index = next((by_name[name] for name in names if name in by_name), None)
    if index is None:
        raise NotFound(repo, folder + names[0])
    for number in range(1, count + 1):
        if number not in found:
            raise NotFound(repo, f"{folder}{stem}-{number:05d}-of-{count:05d}.safetensors")
    return [index, *found.values()]


def no_safetensors(repo: str) -> UnsafeRepository:
    return UnsafeRepository(
        repo, Text("its weights are not there as safetensors.", "它没有 safetensors 格式的权重。")
    )
