"""`remove MODEL`: deletes a model's files from the disk; it stays in the list."""

import argparse
from typing import Any

from aigc_core.catalog import Catalog
from aigc_core.errors import ModelUnavailable, size
from aigc_core.hub.holdings import holdings, remove
from aigc_core.text import Text

REMOVED = Text("{model}: {size} deleted.", "{model}：已删除 {size}。")
NOTHING = Text("nothing of it is on the disk.", "磁盘上没有它的文件。")
NOT_OURS = Text(
    "it does not come from the hub, so there is nothing to delete.",
    "它不是从 Hub 下载的，没有可删除的文件。",
)


def add(commands: Any) -> None:
    parser = commands.add_parser("remove", help="delete a downloaded model from the disk")
    parser.add_argument("model")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> None:
    entry = Catalog.default().find(options.model)
    if entry.origin != "hub":
        raise ModelUnavailable(entry.id, NOT_OURS)
    if (entry.repo, entry.revision) not in {(h.repo, h.revision) for h in holdings()}:
        raise ModelUnavailable(entry.id, NOTHING)
    freed = remove(entry.repo, entry.revision)
    print(REMOVED.fill(model=entry.id, size=size(freed)).say(options.lang))
