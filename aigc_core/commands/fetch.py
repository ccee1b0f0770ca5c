"""`fetch MODEL`: downloads a model of the hub, so that it needs no network later."""

import argparse
import sys
from contextlib import closing
from typing import Any

from tqdm import tqdm

from aigc_core.engine import Engine
from aigc_core.errors import Cancelled, ModelUnavailable
from aigc_core.text import Language, Text

HERE = Text("{model} is on this machine.", "{model} 已在本机。")

REMOTE = Text(
    "it runs on another server, so there is nothing to download.",
    "它运行在其他服务器上，无需下载。",
)


def add(commands: Any) -> None:
    parser = commands.add_parser("fetch", help="download a model of the hub")
    parser.add_argument("model")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> None:
    engine = Engine.default(batching=False)
    entry = engine.catalog.find(options.model)
    if entry.origin == "remote":
        raise ModelUnavailable(entry.id, REMOTE)
    download(engine, entry.id, options.lang)
    print(HERE.fill(model=entry.id).say(options.lang))


def download(engine: Engine, id: str, language: Language) -> None:
    """Downloads with a bar of bytes; Ctrl+C ends it, and the next time goes on from there."""
    with (
        tqdm(file=sys.stderr, leave=False, disable=None, unit="B", unit_scale=True) as bar,
        closing(engine.loader.fetch(id)) as events,
    ):
        try:
            for event in events:
                bar.total, bar.n = event.total or None, event.step
                bar.set_description(event.note.say(language))
        except KeyboardInterrupt:
            raise Cancelled from None
