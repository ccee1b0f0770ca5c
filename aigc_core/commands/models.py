"""`models`: what the catalog offers and what of it works here."""

import argparse
from collections.abc import Iterator
from typing import Any

from aigc_core.catalog import Entry
from aigc_core.engine import Engine
from aigc_core.errors import AigcError, size
from aigc_core.hub.settings import DEFAULT
from aigc_core.metrics.card import read_card
from aigc_core.stock import ABOUT, PARTIAL, Stock, inventory
from aigc_core.text import Text

READY = Text("ready", "可用")
DATA = Text("real data, to compare with", "真实数据，供比较")
FACTS = Text("{count} parameters, {size}", "{count} 个参数，{size}")
ABLE = Text("{facts}; {tasks}", "{facts}；{tasks}")
ON_DISK = Text("on the disk, {size}; {fit}", "已在磁盘上，{size}；{fit}")
AWAY = Text("to download, {size}; {fit}", "可下载，{size}；{fit}")
TERMS = Text("accept its terms first: {link}", "需先接受其条款：{link}")
SERVER = Text("answered by {server}", "由 {server} 回答")


def add(commands: Any) -> None:
    parser = commands.add_parser("models", help="the models, where they are, and how good")
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> None:
    engine = Engine.default(batching=False)
    for stock in inventory(engine.catalog.entries.values()).models:
        print(f"{stock.entry.id:20} {stock.entry.name.say(options.lang)}")
        for line in told(stock, engine):
            print(f"{'':20} {line.say(options.lang)}")


def told(stock: Stock, engine: Engine) -> Iterator[Text]:
    """What there is to say of a model: where it is, whether it can be used, for what, how good."""
    entry = stock.entry
    if entry.origin == "hub":
        yield from files(stock, engine)
    elif entry.origin == "remote":
        yield SERVER.fill(server=entry.host)
    problem = entry.problem()
    if problem or entry.origin != "hub":
        yield problem or READY
    if problem is None:
        yield what(entry)
        yield from figures(entry)


def files(stock: Stock, engine: Engine) -> Iterator[Text]:
    """Of a model of the hub: where its files are, and whether it fits this machine."""
    exact = size(stock.bytes)
    amount = ABOUT.fill(size=exact) if stock.estimated else Text(exact, exact)
    where = ON_DISK if stock.place == "disk" else AWAY
    yield where.fill(size=amount, fit=engine.fit(stock.entry).text)
    if stock.partial:
        yield PARTIAL.fill(size=size(stock.partial))
    if stock.place == "gated":
        yield TERMS.fill(link=f"{DEFAULT}/{stock.entry.repo}")


def what(entry: Entry) -> Text:
    """What it is, as far as its files say, and what it can be asked for."""
    tasks = ", ".join(request.task for request in entry.module.ANSWERS)
    if entry.is_data:
        return ABLE.fill(facts=DATA, tasks=tasks)
    if entry.origin != "scratch":
        return Text(tasks, tasks)
    facts = FACTS.fill(count=f"{entry.parameters:,}", size=size(entry.file_bytes))
    return ABLE.fill(facts=facts, tasks=tasks)


def figures(entry: Entry) -> Iterator[Text]:
    """What its card says, or why it has none; only models from scratch have one."""
    if entry.origin != "scratch":
        return
    try:
        for figure in read_card(entry.folder).figures:
            line = f"{figure.name}: {figure.value:g}"
            yield Text(line, line)
    except AigcError as error:  # It works without, too.
        yield error.text
