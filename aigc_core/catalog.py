"""The models that the suite offers: `catalog.toml`, and a host's own file beside it.

A host names a TOML file of the same form in `AIGC_CATALOG`; its entries are added, and replace
ours of the same id. Folders in it are relative to the file.
"""

import importlib
import os
import tomllib
from functools import cached_property
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError, model_validator
from pydantic.functional_validators import AfterValidator

from aigc_core.checkpoint import WEIGHTS, count_weights, read_config, read_shapes
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import AigcError, ModelUnavailable, UnknownModel
from aigc_core.footprint import Part
from aigc_core.hub.source import Source
from aigc_core.tasks import Request, brief
from aigc_core.text import Text

OURS = Path(__file__).with_name("catalog.toml")


def nested(sizes: tuple[int, int, int]) -> tuple[int, int, int]:
    numbers, block, layer = sizes
    if max(block, layer) > numbers:
        raise ValueError("a block or a layer is no larger than its part")
    return sizes


Sizes = Annotated[tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt], AfterValidator(nested)]
"""How many numbers a part keeps, its largest block, and its largest layer, as in `Part`."""


class Licences(BaseModel):
    """Of the weights, and of the data they were trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str
    data: str


class Words(BaseModel):
    """A Text as TOML writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str
    zh: str


class Entry(BaseModel):
    """One model of the catalog.

    Args:
        id: names it in requests, records and URLs.
        family: dotted path of the module that loads it and answers for it.
        origin: written and trained here, from the hub, on another server, an algorithm that has
            learned nothing, or no model at all but real data that answer like one, to compare
            with.
        network: `module:Class` of a from-scratch network; data have none.
        folder: of its config, weights and card; only models from scratch have these.
        revision: pins the weights or the data, as `sha256:...`, or the commit on the hub; of an
            algorithm its version.
        repo: `org/name` on the hub.
        variant: of the files there, such as `fp16`.
        weights: how many numbers each part of it keeps, or also its largest block and layer
            (`[numbers, block, layer]`), to say what it needs before the download.
        download: bytes of its files on the hub; 0 where they are only reckoned from the weights.
        gated: whether its makers want their terms accepted before the download.
        server: where a remote model answers; `$NAME` is taken from the environment.
        served: its name there.
        token: `$NAME` of the environment's variable that holds the server's token.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    id: str
    title: Words
    about: Words
    family: str
    origin: Literal["scratch", "hub", "remote", "algorithm", "data"]
    network: str = ""
    folder: Path
    revision: str = ""
    repo: str = ""
    variant: str = ""
    weights: dict[str, NonNegativeInt | Sizes] = {}
    download: int = 0
    gated: bool = False
    server: str = ""
    served: str = ""
    token: str = ""
    licences: Licences

    @model_validator(mode="after")
    def an_origin_has_what_it_needs(self) -> Self:
        if self.origin == "scratch" and "network" not in self.model_fields_set:
            raise ValueError("a model from scratch needs a network")
        if self.origin in ("scratch", "algorithm", "data") and not self.revision:
            raise ValueError("what is here needs a revision")
        if self.origin == "hub":
            _ = self.source
        if self.origin == "remote" and not (self.server and self.served):
            raise ValueError("a remote model needs a server and its name there")
        return self

    @property
    def source(self) -> Source:
        """The files of a model from the hub."""
        return Source(self.repo, self.revision, self.variant)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What its weights consist of, as far as the catalog says."""
        return tuple(
            Part(name, sizes)
            if isinstance(sizes, int)
            else Part(name, sizes[0], block=sizes[1], layer=sizes[2])
            for name, sizes in self.weights.items()
        )

    @property
    def host(self) -> str:
        """The server of a remote model as people are told it: no path, user, password or key."""
        return host_of(self.server)

    @property
    def is_data(self) -> bool:
        """Whether it is real data, which have no weights and no card."""
        return self.origin == "data"

    @property
    def name(self) -> Text:
        return Text(self.title.en, self.title.zh)

    @property
    def short(self) -> Text:
        """Its name up to the comma, for a place beside others."""
        return Text(self.name.en.partition(",")[0], self.name.zh.partition("，")[0])

    @property
    def summary(self) -> Text:
        """What the model is, in one sentence."""
        return Text(self.about.en, self.about.zh)

    @cached_property
    def module(self) -> ModuleType:
        """Its family; importing one is light.

        Raises:
            ModelUnavailable: there is no such family.
        """
        try:
            module = importlib.import_module(self.family)
        except (ImportError, ValueError, TypeError):
            module = None
        needed = ("ANSWERS", "check") if self.is_data else ("ANSWERS",)
        if module is None or not all(hasattr(module, name) for name in needed):
            raise ModelUnavailable(
                self.id,
                Text("there is no family {family}.", "没有模型族 {family}。").fill(
                    family=brief(self.family)
                ),
            )
        return module

    @property
    def network_class(self) -> Any:
        """The class of its network; importing it imports PyTorch.

        Raises:
            ModelUnavailable: there is no such network.
        """
        module, _, name = self.network.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            why = Text("there is no network {network}.", "没有网络 {network}。")
            raise ModelUnavailable(self.id, why.fill(network=self.network)) from error

    def answers(self, request: type[Request]) -> bool:
        """Whether it answers requests of this type."""
        try:
            return request in self.module.ANSWERS
        except ModelUnavailable:
            return False

    @cached_property
    def parameters(self) -> int:
        """How many weights the network learned."""
        return count_weights(self.folder) if self.origin == "scratch" else self.numbers

    @cached_property
    def numbers(self) -> int:
        """How many numbers it keeps, running statistics included."""
        if self.origin != "scratch":
            return sum(part.numbers for part in self.parts)
        return sum(prod(shape) for shape in read_shapes(self.folder).values())

    @cached_property
    def conditional(self) -> bool:
        """Whether it can be asked for a class; data are there with theirs."""
        if self.is_data:
            return True
        try:
            return bool(read_config(self.folder).get("class_counts"))
        except ModelUnavailable:
            return False

    @property
    def file_bytes(self) -> int:
        """Size of the weights' file."""
        return (self.folder / WEIGHTS).stat().st_size if self.origin == "scratch" else 0

    def problem(self) -> Text | None:
        """Why the model cannot be loaded, as far as its files tell without loading it."""
        try:
            if self.is_data:
                self.module.check()
            elif self.origin == "remote":
                self.module.check(self)
            elif self.origin in ("hub", "algorithm"):
                _ = self.module  # Files of the hub are fetched when they are needed.
            else:
                _ = self.module
                read_config(self.folder)
                read_shapes(self.folder)
        except ModelUnavailable as error:
            return error.why
        except AigcError as error:
            return error.text
        return None


class Catalog:
    """Entries by id, in the order in which the files name them."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = {entry.id: entry for entry in entries}

    @classmethod
    def read(cls, *files: Path) -> Self:
        """The entries of TOML files, later ones replacing earlier ones of the same id.

        Raises:
            AigcError: a file is missing, is not TOML, or has an entry that is not one.
        """
        entries: dict[str, Entry] = {}
        for file in files:
            entries |= {entry.id: entry for entry in read_entries(file)}
        return cls(list(entries.values()))

    @classmethod
    def default(cls) -> Self:
        """Ours, and the host's; a file that `AIGC_CATALOG` names must be there."""
        own = own_file()
        named = bool(os.environ.get("AIGC_CATALOG"))
        return cls.read(OURS, *([own] if named or own.is_file() else []))

    def add(self, entry: Entry) -> None:
        """Offers one more model, from now on."""
        # A new dictionary: others may be going through the old one.
        self.entries = {**self.entries, entry.id: entry}

    def find(self, model: str) -> Entry:
        """The entry of an id.

        Raises:
            UnknownModel: there is none.
        """
        if not isinstance(model, str) or model not in self.entries:
            raise UnknownModel(brief(model))
        return self.entries[model]

    def answering(self, request: type[Request]) -> list[Entry]:
        """The models that answer requests of this type, the default first."""
        return [entry for entry in self._all(request) if not entry.is_data]

    def data(self, request: type[Request]) -> list[Entry]:
        """The real data that answer requests of this type as a model would."""
        return [entry for entry in self._all(request) if entry.is_data]

    def _all(self, request: type[Request]) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.answers(request)]


def own_file() -> Path:
    """The host's catalog: `AIGC_CATALOG`, else `catalog.toml` in the user's configuration."""
    if own := os.environ.get("AIGC_CATALOG"):
        return Path(own)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "aigc" / "catalog.toml"


def host_of(address: str) -> str:
    """`host:port` of a URL; a provider's name or `$NAME` as it is."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
    except ValueError:
        return ""
    return parts.netloc.rpartition("@")[2]


def read_entries(file: Path) -> list[Entry]:
    try:
        models: dict[str, dict[str, Any]] = tomllib.loads(file.read_text("utf-8"))["models"]
        home = CHECKPOINTS if file == OURS else file.parent
        return [
            Entry(id=id, **{**fields, "folder": home / fields.get("folder", id)})
            for id, fields in models.items()
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = error.errors()[0] if isinstance(error, ValidationError) else error
        raise AigcError(
            Text("The catalog {file} cannot be read: {why}", "无法读取模型目录 {file}：{why}"),
            file=file.name,
            why=brief(why) if not isinstance(why, dict) else f"{why['loc']}: {why['msg']}",
        ) from error
