"""What a repository of the hub is, and whether it can be run here, without downloading it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from aigc_core.footprint import Part
from aigc_core.hub import settings
from aigc_core.hub.classes import part_class, tells_steps
from aigc_core.hub.errors import NotFound, Offline, UnsafeRepository, Unsupported
from aigc_core.hub.files import (
    MODEL_INDEX,
    Components,
    File,
    choose,
    read_components,
    stem_of,
    variants,
)
from aigc_core.hub.listing import Listing, fetch_json, fetch_listing
from aigc_core.hub.meter import Meter
from aigc_core.hub.running import run
from aigc_core.hub.source import REPO, Source
from aigc_core.hub.transfer import quietly
from aigc_core.hub.web import Web
from aigc_core.hub.weights import remote_parts
from aigc_core.tasks import brief
from aigc_core.text import Text

Kind = Literal["causal_lm", "chat_lm", "marian", "t5", "text_to_image"]
FAMILIES: dict[Kind, str] = {
    "causal_lm": "aigc_core.families.causal_lm",
    "chat_lm": "aigc_core.families.chat_lm",
    "marian": "aigc_core.families.marian",
    "t5": "aigc_core.families.t5",
    "text_to_image": "aigc_core.families.text_to_image",
}
# Encoder-decoders by their class.
PAIRS: dict[str, Kind] = {
    "MarianMTModel": "marian",
    "T5ForConditionalGeneration": "t5",
    "MT5ForConditionalGeneration": "t5",
    "UMT5ForConditionalGeneration": "t5",
}
CONFIG, TOKENIZER = "config.json", "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
HALF = "fp16"
NO_CONFIG = Text("it has no config.json that says what it is", "它没有说明自身的 config.json")
SILENT = Text("its {file} does not say what it is", "它的 {file} 没有说明它是什么")


@dataclass(frozen=True)
class Found:
    """A repository that can be run here.

    Args:
        source: repository, commit, and the variant that is best downloaded.
        kind: what it does.
        class_name: of the model or the pipeline.
        components: of a pipeline, with their classes.
        gated: whether its makers want their terms accepted first, at `link`.
        licence: as its card names it; empty where it names none.
        bytes: of the download.
        parts: what each component takes.
    """

    source: Source
    kind: Kind
    class_name: str
    components: Mapping[str, str]
    gated: bool
    link: str
    licence: str
    bytes: int
    parts: tuple[Part, ...]

    @property
    def family(self) -> str:
        """Dotted path of the family that runs it."""
        return FAMILIES[self.kind]

    @property
    def weights(self) -> dict[str, int | tuple[int, int, int]]:
        """Numbers of each component, its largest block and layer, as a catalog has them."""
        return {part.name: (part.numbers, part.block, part.layer) for part in self.parts}


def inspect(repo: str, revision: str | None = None) -> Found:
    """What a repository is. Nothing of it is run or unpickled; a few kilobytes are read.

    Args:
        repo: `org/name`.
        revision: commit, tag or branch; the main branch where none is named.

    Raises:
        UnsafeRepository: it needs code of its own, or has no safetensors.
        Unsupported: it is a kind of model that cannot be run here.
        HubError: another one, where the hub does not give it.
    """
    if not REPO.fullmatch(repo) or ".." in repo:
        raise NotFound(repo)
    if settings.offline():
        raise Offline(repo)
    meter = Meter(repo, quietly)

    async def work() -> Found:
        async with Web(repo) as web:
            return await look(web, meter, await fetch_listing(web, meter, revision))

    return run(meter, work)


async def look(web: Web, meter: Meter, listing: Listing) -> Found:
    refuse_code(listing)
    components: Components | None = None
    config = None
    if listing.has(MODEL_INDEX):
        kind: Kind = "text_to_image"
        index = await fetch_json(web, meter, listing, MODEL_INDEX)
        components = read_components(index)
        name, inner = pipeline_classes(listing, index, components)
    else:
        kind = "causal_lm"
        if not listing.has(CONFIG):
            choose(listing.repo, listing.files)
            library = listing.about.get("library_name")
            raise Unsupported(listing.repo, library if isinstance(library, str) else NO_CONFIG)
        config = await fetch_json(web, meter, listing, CONFIG)
        name = model_class(listing, config)
        if name in PAIRS:
            kind = PAIRS[name]
        elif await chats(web, meter, listing):
            kind = "chat_lm"
        inner = {}
    variant = halved(listing.files, components)
    files = choose(listing.repo, listing.files, variant, components)
    return Found(
        source=Source(listing.repo, listing.commit, variant),
        kind=kind,
        class_name=name,
        components=inner,
        gated=bool(listing.about.get("gated")),
        link=web.link,
        licence=licence(listing.about),
        bytes=sum({file.blob: file.size for file in files}.values()),
        parts=await remote_parts(web, meter, listing, files, config),
    )


def refuse_code(listing: Listing) -> None:
    """Nothing for a repository that shows no sign of code that loading would run.

    Raises:
        UnsafeRepository: it does.
    """
    if "custom_code" in (listing.about.get("tags") or ()):
        raise own_code(listing.repo, "custom_code")
    if listing.has("pipeline.py"):
        raise own_code(listing.repo, "pipeline.py")


def model_class(listing: Listing, config: Any) -> str:
    """The class of a model of transformers.

    Raises:
        UnsafeRepository: its class is in the repository.
        Unsupported: it is no text model, or not one that can be read here.
    """
    if not isinstance(config, dict):
        raise Unsupported(listing.repo, SILENT.fill(file=CONFIG))
    if "auto_map" in config:
        raise own_code(listing.repo, "auto_map")
    named = config.get("architectures")
    name = named[0] if isinstance(named, list) and named else config.get("model_type")
    if not isinstance(name, str) or not name:
        raise Unsupported(listing.repo, SILENT.fill(file=CONFIG))
    if name not in PAIRS and name not in language_models():
        raise Unsupported(listing.repo, name)
    quantised = config.get("quantization_config")
    if isinstance(quantised, dict):
        raise Unsupported(listing.repo, f"{name}, {quantised.get('quant_method')}")
    return name


async def chats(web: Web, meter: Meter, listing: Listing) -> bool:
    """Whether a language model has a chat template, by which it is talked to."""
    if listing.has(TEMPLATE):
        return True
    if not listing.has(TOKENIZER):
        return False
    settings = await fetch_json(web, meter, listing, TOKENIZER)
    return isinstance(settings, dict) and bool(settings.get("chat_template"))


@cache
def language_models() -> frozenset[str]:
    """The classes of transformers that continue a text."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return frozenset(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())


def pipeline_classes(
    listing: Listing, index: Any, components: Components
) -> tuple[str, dict[str, str]]:
    """The classes of a pipeline of diffusers and its components.

    Raises:
        UnsafeRepository: one of them is in the repository.
        Unsupported: it does not make images from text, or the installed libraries lack a class.
    """
    name = index.get("_class_name") if isinstance(index, dict) else None
    if isinstance(name, list):
        raise own_code(listing.repo, str(name[0] if name else MODEL_INDEX))
    if not isinstance(name, str) or not name:
        raise Unsupported(listing.repo, SILENT.fill(file=MODEL_INDEX))
    if name not in text_to_image_pipelines():
        raise Unsupported(listing.repo, name)
    for folder, (library, kind) in components.items():
        if listing.has(f"{folder}/{library}.py") or any(
            file.folder == folder and file.base.endswith(".py") for file in listing.files
        ):
            raise own_code(listing.repo, f"{folder}/{library}.py")
        if part_class(library, kind) is None:
            raise Unsupported(listing.repo, f"{name} ({folder}: {library}.{kind})")
    return name, {folder: kind for folder, (_, kind) in components.items()}


def own_code(repo: str, what: str) -> UnsafeRepository:
    reason = Text(
        "It needs code of its own to be loaded ({what}).",
        "它需要运行自带的代码才能加载（{what}）。",
    )
    return UnsafeRepository(repo, reason.fill(what=what))


def text_to_image_pipelines() -> set[str]:
    """Pipelines that need a prompt alone, and one repository alone, and that can be stopped."""
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

    pipelines = filter(tells_steps, AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values())
    names = {pipeline.__name__ for pipeline in pipelines}
    return {name for name in names if "Control" not in name and "Combined" not in name}


def halved(files: tuple[File, ...], components: Components | None) -> str:
    """The variant of half the size, where all components that have weights have it."""
    if components is None:
        return ""
    found = [
        variants([file for file in files if file.folder == name], stem_of(library))
        for name, (library, _) in components.items()
    ]
    weighty = [names for names in found if names]
    return HALF if weighty and all(HALF in names for names in weighty) else ""


def licence(about: Mapping[str, Any]) -> str:
    """As the card names it, or the tags."""
    card = about.get("cardData")
    named = card.get("license_name") or card.get("license") if isinstance(card, dict) else None
    tags = (str(tag) for tag in about.get("tags") or ())
    tagged = next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), "")
    said = ", ".join(map(str, named)) if isinstance(named, list) else str(named or tagged)
    return brief(said)
