"""Texts on the page: what was given, what a model wrote, and what is to be said of it."""

import tempfile
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Protocol

from aigc_core import default_engine
from aigc_core.artifact import Artifact, Record
from aigc_core.catalog import Entry
from aigc_core.errors import size
from aigc_core.exports import file_name
from aigc_core.media import Writing
from aigc_core.stock import HALF
from aigc_core.text import Text
from apps.ui.language import both
from apps.ui.markup import address
from apps.ui.panes import pane
from apps.ui.quality import quality_facts

SAVE = Text("Save", "保存")
ABSENT = Text(
    "{name} is not on this machine. The page Models downloads it ({size}); then it answers here.",
    "本机没有 {name}。可在“模型”页下载（{size}），之后它会在此作答。",
)
AWAY = Text("Once downloaded, these answer here too: {models}.", "下载后也会在此作答：{models}。")
NAMED = Text("{name} ({size})", "{name}（{size}）")
TO_MODELS = Text("To the models", "前往“模型”页")
CUT = Text(
    "Longer than this model can look back: the first {count} tokens were left out.",
    "超出此模型可回看的长度：略去了最前面的 {count} 个词元。",
)
LEFT_OUT = Text("Not known to this model, and left out: {what}", "此模型不认识，已略去：{what}")
DROPPED = Text(
    "The conversation is longer than this model can look back: the first {count} messages were "
    "left out.",
    "对话超出此模型可回看的长度：略去了最前面的 {count} 条消息。",
)
RATE = Text("{rate} tokens/s", "{rate} 词元/秒")
THOUGHTS = Text("What it thought first", "先前的思考")


class Page(Protocol):
    """How a text is set: HTML of what was given and what was made, which may be growing.

    `marked` are places in the text, from 0, of what was asked for rather than drawn.
    """

    def __call__(
        self, text: str, given: str, /, *, writing: bool, marked: Sequence[int] = ()
    ) -> str: ...


def is_here(entry: Entry) -> bool:
    """Whether a model can answer without a download."""
    if entry.origin != "hub":
        return default_engine().problem(entry) is None
    from aigc_core.hub.snapshot import local

    return local(entry.source) is not None


def blank(entry: Entry, page: Page) -> str:
    """A model's pane before it has written anything."""
    return pane(entry.short, page("", "", writing=False), remarks(entry), kind="writing")


def absent(entry: Entry) -> str:
    """The pane of a model whose files are not here."""
    says = ABSENT.fill(name=entry.short, size=weight(entry))
    body = f'<p class="away">{both(says)} {to_models()}</p>'
    return pane(entry.short, body, kind="writing away")


def away(entries: Iterable[Entry]) -> str:
    """Which more models would answer here, and how much each download takes."""
    absent = [entry for entry in entries if entry.origin == "hub" and not is_here(entry)]
    if not absent:
        return ""
    named = [NAMED.fill(name=entry.short, size=weight(entry)) for entry in absent]
    listed = Text(", ".join(name.en for name in named), "、".join(name.zh for name in named))
    return f'<p class="away">{both(AWAY.fill(models=listed))} {to_models()}</p>'


def weight(entry: Entry) -> str:
    return size(entry.download or HALF * entry.numbers)


def to_models() -> str:
    return f'<a href="./models">{both(TO_MODELS)}</a>'


def working(entry: Entry, given: str, page: Page, text: str = "", thinking: str = "") -> str:
    """While a model writes, as far as it has come."""
    body = f"{thoughts(thinking)}{page(text, given, writing=True)}"
    return pane(entry.short, body, remarks(entry), kind="writing")


def written(entry: Entry, given: str, artifact: Artifact, page: Page, more: str = "") -> str:
    """What a model wrote, and HTML below it; the file to save carries its record."""
    media = artifact.media
    assert isinstance(media, Writing)
    marked = artifact.record.details.get("given") or ()
    made = page(media.text, given, writing=False, marked=marked)
    body = f"{thoughts(media.thinking)}{made}{notes(artifact.record)}{more}"
    aside = f"<span>{rate(artifact.record)} {saved(artifact)}</span>"
    return pane(entry.short, body, remarks(entry), aside=aside, kind="writing")


def failed(entry: Entry, why: Text) -> str:
    """Why a model could not answer."""
    return pane(entry.short, f'<p class="notice">{both(why)}</p>', kind="writing")


def prose(
    text: str,
    given: str,
    /,
    *,
    writing: bool,
    marked: Sequence[int] = (),  # noqa: ARG001
) -> str:
    """A text on paper: what was given in quiet ink, what was made after it, and a cursor."""
    before = f'<span class="given">{escape(given)}</span>' if given else ""
    cursor = '<i class="cursor"></i>' if writing else ""
    # The page breaks lines where the text does; markup in it is shown and does nothing.
    made = f'<span class="made">{escape(text)}</span>'
    if writing:  # What is longer than its place is seen at its end, as long as it grows.
        return f'<div class="paper live" dir="auto"><div>{before}{made}{cursor}</div></div>'
    return f'<div class="paper" dir="auto">{before}{made}</div>'


def thoughts(text: str) -> str:
    """What a model wrote to itself, folded away."""
    if not text:
        return ""
    return (
        f'<details class="thoughts"><summary>{both(THOUGHTS)}</summary>'
        f'<div class="paper" dir="auto">{escape(text)}</div></details>'
    )


def notes(record: Record) -> str:
    """What a visitor should know of how their wish was read."""
    found = record.details
    said = []
    if cut := found.get("cut"):
        said.append(CUT.fill(count=cut))
    if left := found.get("left_out"):
        said.append(LEFT_OUT.fill(what=" ".join(left)))
    if dropped := found.get("dropped"):
        said.append(DROPPED.fill(count=dropped))
    return "".join(f'<p class="note">{both(text)}</p>' for text in said)


def rate(record: Record) -> str:
    """How fast it wrote."""
    tokens = record.details.get("tokens")
    if not isinstance(tokens, int) or not record.seconds:
        return ""
    return both(RATE.fill(rate=f"{tokens / record.seconds:,.0f}"))


def saved(artifact: Artifact) -> str:
    """A link that saves the text."""
    with tempfile.TemporaryDirectory() as folder:
        name = file_name(artifact)
        content = artifact.save(Path(folder) / name).read_bytes()
    return f'<a download="{escape(name)}" href="{address("text/plain", content)}">{both(SAVE)}</a>'


def remarks(entry: Entry) -> str:
    """The line of a model's card."""
    return quality_facts(entry, floors=False)
