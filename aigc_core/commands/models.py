"""`models`: what the catalog offers and what of it works here."""

import argparse
from typing import Any

from aigc_core.catalog import Catalog, Entry
from aigc_core.errors import AigcError, size
from aigc_core.metrics.card import read_card
from aigc_core.text import Language, Text

READY = Text("ready", "可用")
DATA = Text("real data, to compare with", "真实数据，供比较")
FACTS = Text("{count} parameters, {size}", "{count} 个参数，{size}")


def add(commands: Any) -> None:
    parser = commands.add_parser("models", help="the models and their measured quality")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> None:
    for entry in Catalog.default().entries.values():
        problem = entry.problem()
        print(f"{entry.id:20} {entry.name.say(options.lang)}")
        print(f"{'':20} {(problem or READY).say(options.lang)}")
        if problem is None:
            tasks = ", ".join(request.task for request in entry.module.ANSWERS)
            facts = FACTS.fill(count=f"{entry.parameters:,}", size=size(entry.file_bytes))
            print(f"{'':20} {(DATA if entry.is_data else facts).say(options.lang)}; {tasks}")
            for line in figures(entry, options.lang):
                print(f"{'':20} {line}")


def figures(entry: Entry, language: Language) -> list[str]:
    """What its card says, or why it has none; data have none and need none."""
    if entry.is_data:
        return []
    try:
        return [f"{figure.name}: {figure.value:g}" for figure in read_card(entry.folder).figures]
    except AigcError as error:  # It works without, too.
        return [error.text.say(language)]
