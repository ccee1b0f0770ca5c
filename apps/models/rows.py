"""A model of the list: what it is, what it takes, and what can be done with it."""

from datetime import UTC, datetime
from html import escape

from aigc_core.catalog import Entry
from aigc_core.errors import ModelUnavailable, size
from aigc_core.hub.holdings import Holding
from aigc_core.hub.settings import DEFAULT
from aigc_core.hub.source import SHORT
from aigc_core.stock import ABOUT, PARTIAL, Stock
from aigc_core.text import Text
from apps.models import words
from apps.models.board import Row
from apps.models.panel import button, cancel, progress
from apps.ui.language import both
from apps.ui.markup import noted, said, same

UNKNOWN = ("", "unknown", "other")


def row(of: Row, *, owner: bool) -> str:
    """One model. How far its download is stands in a part of its own, which changes oftener."""
    stock, entry = of.stock, of.stock.entry
    link = f" {source(entry)}" if source(entry) else ""
    ask = command(entry) if stock.place == "disk" and tasks(entry) else ""
    return (
        f'<div class="what"><h3>{both(entry.name)}</h3><p>{both(entry.summary)}</p>'
        f'<p class="fine">{licences(entry)}{link}</p>{ask}{reasons(of)}</div>'
        f'<p class="task">{tasks(entry)}</p>'
        f'<p class="takes">{takes(of)}</p>'
        f'<div class="do">{actions(of, owner=owner)}</div>'
        f'<div class="far" data-live="far:{escape(stock.entry.id)}"></div>'
    )


def far(of: Row) -> str:
    """How far its download is."""
    return progress(of.transfer, of.stock.entry.name) if of.transfer else ""


def tasks(entry: Entry) -> str:
    """What it can be asked for."""
    try:
        titles = [request.title for request in entry.module.ANSWERS]
    except ModelUnavailable:
        return ""
    return both(Text(" · ".join(t.en for t in titles), " · ".join(t.zh for t in titles)))


def takes(of: Row) -> str:
    """Its size, and whether it fits this machine."""
    stock = of.stock
    lines = []
    if stock.bytes:
        lines.append(f"<b>{both(amount(stock))}</b>")
    if stock.partial and not of.transfer:
        lines.append(both(PARTIAL.fill(size=size(stock.partial))))
    if of.fit:
        kind = "no" if of.fit.kind == "no" else "fits"
        lines.append(f'<span class="{kind}">{both(of.fit.text)}</span>')
    if stock.place == "disk":
        used = words.USED.fill(day=day(stock.last_used)) if stock.last_used else words.NEVER
        lines.append(both(used))
    return "<br>".join(lines)


def amount(stock: Stock) -> Text:
    exact = same(size(stock.bytes))
    return ABOUT.fill(size=size(stock.bytes)) if stock.estimated else exact


def day(seconds: float) -> str:
    """A day, the same in both languages."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().date().isoformat()


def command(entry: Entry) -> str:
    """How to ask a downloaded model, which no demo does yet."""
    task = next(iter(entry.module.ANSWERS)).task
    line = f"python -m aigc_core run {task} --model {entry.id} --out ."
    return f"<small>{both(words.COMMAND)} <code>{escape(line)}</code></small>"


def licences(entry: Entry) -> str:
    """Of weights and data, as far as they are known."""
    said = [
        (name, licence)
        for name, licence in (
            (words.WEIGHTS, entry.licences.weights),
            (words.DATA, entry.licences.data),
        )
        if licence.lower() not in UNKNOWN
    ]
    return " ".join(f"<span>{both(name)} {both(same(licence))}</span>" for name, licence in said)


def source(entry: Entry) -> str:
    """Where it comes from."""
    if entry.origin == "hub":
        commit = words.COMMIT.fill(commit=entry.revision[:SHORT])
        return (
            f"{outside(page(entry.repo, entry.revision), entry.repo)} <span>{both(commit)}</span>"
        )
    if entry.origin == "remote":
        return f"<span>{both(same(entry.host))}</span>"
    if entry.network:
        file = entry.network.partition(":")[0].replace(".", "/") + ".py"
        return f"<span>{both(words.CODE)} <code>{escape(file)}</code></span>"
    return ""


def page(repo: str, revision: str = "") -> str:
    """The page of a repository, where people read and accept; a mirror has none."""
    return f"{DEFAULT}/{repo}" + (f"/tree/{revision}" if revision else "")


def outside(link: str, text: str) -> str:
    """A link that leaves the suite."""
    return f'<a href="{escape(link)}" target="_blank" rel="noopener">{escape(text)}</a>'


def reasons(of: Row) -> str:
    """Why it cannot be used now, and what to do."""
    entry, said = of.stock.entry, []
    if of.stock.place == "gated" and not of.failed:
        link = outside(page(entry.repo), page(entry.repo).removeprefix("https://"))
        said.append(
            "".join(
                f'<span class="{language}" lang="{language}">'
                f"{escape(words.ACCEPT.say(language)).format(link=link)}</span>"
                for language in ("en", "zh")
            )
        )
    if of.failed:
        said.append(linked(of.failed))
    elif of.problem:
        said.append(linked(of.problem))
    return "".join(f'<p class="notice">{text}</p>' for text in said)


def linked(text: Text) -> str:
    """A sentence in both languages, its addresses as links."""
    return "".join(
        f'<span class="{language}" lang="{language}">{with_links(text.say(language))}</span>'
        for language in ("en", "zh")
    )


def with_links(sentence: str) -> str:
    said = []
    for word in sentence.split(" "):
        bare = word.rstrip(".,;。，；")
        if bare.startswith("https://") and bare.isascii():
            said.append(outside(bare, bare.removeprefix("https://")) + escape(word[len(bare) :]))
        else:
            said.append(escape(word))
    return " ".join(said)


def actions(of: Row, *, owner: bool) -> str:
    """What the owner can do with it."""
    if not owner:
        return ""
    stock, entry = of.stock, of.stock.entry
    if of.transfer:
        return cancel(of, owner=owner)
    buttons = []
    if stock.place in ("hub", "gated"):
        label = words.AGAIN if of.failed else words.GO_ON if stock.partial else words.DOWNLOAD
        buttons.append(button("fetch", entry.id, label, of=entry.name))
    if stock.place == "disk" or stock.partial:
        buttons.append(
            removal(entry.id, entry.name, stock.bytes if stock.place == "disk" else stock.partial)
        )
    return "".join(buttons)


def removal(id: str, name: Text, bytes: int, revision: str = "") -> str:
    """A button that asks once more before anything is deleted."""
    sure, about = words.SURE.fill(size=size(bytes)), said(noted(words.DELETE, name))
    return (
        f'<button type="button" data-ask aria-label="{about}">{both(words.DELETE)}</button>'
        f'<span class="sure" hidden><span>{both(sure)}</span>'
        f"{button('remove', id, words.DELETE, of=name, revision=revision)}"
        f'<button type="button" data-keep>{both(words.KEEP)}</button></span>'
    )


def stray(of: Holding, entry: Entry, *, owner: bool) -> str:
    """Another version of an entry's model, which nothing uses."""
    commit = words.COMMIT.fill(commit=of.revision[:SHORT])
    bytes = of.bytes + of.partial_bytes
    delete = removal(entry.id, entry.name, bytes, of.revision) if owner else ""
    return (
        f'<div class="what"><h3>{both(entry.name)}</h3>'
        f'<p class="fine"><span>{both(commit)}</span></p></div>'
        f'<p class="task"></p><p class="takes"><b>{size(bytes)}</b></p>'
        f'<div class="do">{delete}</div>'
    )
