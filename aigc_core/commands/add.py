"""`add org/name`: puts a model of the hub into the host's own catalog."""

import argparse
import sys
from typing import Any

from aigc_core.catalog import OURS, Catalog, own_file
from aigc_core.catalog_file import entry_for, look_up, write
from aigc_core.engine import Engine
from aigc_core.errors import size
from aigc_core.text import Language, Text

FOUND = Text(
    "{repo}: {kind}, {size}, licence {licence}, commit {commit}; {fit}",
    "{repo}：{kind}，{size}，许可证 {licence}，版本 {commit}；{fit}",
)
GATED = Text("Its makers want their terms accepted first: {link}", "作者要求先接受其条款：{link}")
ADDED = Text(
    "{model} is in {file} now. Download it with: python -m aigc_core fetch {model}",
    "{model} 已加入 {file}。下载命令：python -m aigc_core fetch {model}",
)
NOT_ADDED = Text("Nothing was added.", "没有添加。")
SURE = Text("Add it? [y/N] ", "添加吗？[y/N] ")


def add(commands: Any) -> None:
    parser = commands.add_parser("add", help="put a model of the hub into your own catalog")
    parser.add_argument("repo", metavar="org/name")
    parser.add_argument("--revision", help="branch, tag or commit; default: the newest")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> None:
    own = own_file()
    # The file may be named before it is there.
    catalog = Catalog.read(OURS, *([own] if own.is_file() else []))
    given = options.repo + (f"@{options.revision}" if options.revision else "")
    found = look_up(given, catalog)
    entry = entry_for(found, catalog)
    facts = FOUND.fill(
        repo=entry.repo,
        kind=found.class_name,
        size=size(entry.download),
        licence=entry.licences.weights,
        commit=entry.revision,
        fit=Engine.default(batching=False, catalog=catalog).fit(entry).text,
    )
    print(facts.say(options.lang))
    if entry.gated:
        print(GATED.fill(link=found.link).say(options.lang))
    if not options.yes and not agreed(options.lang):
        print(NOT_ADDED.say(options.lang))
        return
    file = write(entry)
    print(ADDED.fill(model=entry.id, file=file).say(options.lang))


def agreed(language: Language) -> bool:
    """Whether a person says yes; where nobody can be asked, no."""
    print(SURE.say(language), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是")
