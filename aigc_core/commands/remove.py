"""`remove MODEL`: deletes a model's files from the disk; it stays in the list, or does not."""

import argparse
from typing import Any

from aigc_core.catalog import Catalog, Entry, own_file, read_entries
from aigc_core.catalog_file import NOT_OWN, take_out
from aigc_core.engine import Engine
from aigc_core.errors import AigcError, ModelUnavailable, size
from aigc_core.hub.holdings import holdings
from aigc_core.stock import NOT_HERE, remove_model
from aigc_core.text import Text

REMOVED = Text("{model}: {size} deleted.", "{model}：已删除 {size}。")
TAKEN_OUT = Text("{model} is not in {file} any more.", "{model} 已从 {file} 中移除。")
NOT_OURS = Text(
    "it does not come from the hub, so there is nothing to delete.",
    "它不是从 Hub 下载的，没有可删除的文件。",
)


def add(commands: Any) -> None:
    parser = commands.add_parser("remove", help="delete a downloaded model from the disk")
    parser.add_argument("model")
    parser.add_argument(
        "--entry", action="store_true", help="also take it out of your own catalog file"
    )
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> None:
    engine = Engine.default(batching=False)
    entry = engine.catalog.find(options.model)
    if options.entry:
        own = own_file()
        # Before anything is deleted.
        if not own.is_file() or entry.id not in {found.id for found in read_entries(own)}:
            raise AigcError(NOT_OWN, model=entry.id, file=own.name)
    elif entry.origin != "hub":
        raise ModelUnavailable(entry.id, NOT_OURS)
    elif not is_here(entry):
        raise AigcError(NOT_HERE)
    if is_here(entry) and not (options.entry and is_shared(entry, engine.catalog)):
        freed = remove_model(engine.catalog, engine.loader, entry)
        print(REMOVED.fill(model=entry.id, size=size(freed)).say(options.lang))
    if options.entry:
        file = take_out(entry.id)
        print(TAKEN_OUT.fill(model=entry.id, file=file).say(options.lang))


def is_here(entry: Entry) -> bool:
    """Whether there is anything of its files on the disk."""
    return (entry.repo, entry.revision) in {(h.repo, h.revision) for h in holdings()}


def is_shared(entry: Entry, catalog: Catalog) -> bool:
    """Whether another entry needs the same files."""
    return any(
        other.id != entry.id and (other.repo, other.revision) == (entry.repo, entry.revision)
        for other in catalog.entries.values()
    )
