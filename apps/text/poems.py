"""A poem on the page: written from top to bottom and from right to left, as in its time."""

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from aigc_core.artifact import Artifact, read_record, read_text
from aigc_core.catalog import Entry
from aigc_core.media import Writing
from aigc_core.text import Text
from aigc_core.verse import form_problem
from apps.text.panes import notes, remarks, saved
from apps.ui.language import both
from apps.ui.panes import pane

FORM = Text("form kept: four lines of {count}", "格式合律：四句，每句 {count} 字")
RHYME = Text("lines 2 and 4 rhyme", "二、四句押韵")
NO_RHYME = Text("lines 2 and 4 do not rhyme", "二、四句不押韵")
SHARED = Text(
    "{share} of its runs of three characters; longest in common: {longest}",
    "相同的三字片段占 {share}；最长相同片段：{longest}",
)
LINE = re.compile(r"[^，。\n]+[，。]?")


def blank(entry: Entry, poster: Path) -> str:
    """Before the first poem: the poster's, where it is this model's."""
    if poster.is_file() and (record := read_record(poster)).model == entry.id:
        return composed(entry, Artifact(Writing(read_text(poster)), record))
    return pane(entry.short, upright(""), remarks(entry), kind="poem")


def writing(entry: Entry, text: str) -> str:
    """While it is being written."""
    return pane(entry.short, upright(text, cursor=True), remarks(entry), kind="poem")


def composed(entry: Entry, artifact: Artifact) -> str:
    """A finished poem, its form checked."""
    assert isinstance(artifact.media, Writing)
    poem = artifact.media.text
    aside = f"<span>{saved(artifact)}</span>"
    body = upright(poem) + checked(artifact) + notes(artifact.record)
    return pane(entry.short, body, remarks(entry), aside=aside, kind="poem")


def upright(text: str, *, cursor: bool = False) -> str:
    """Lines as columns; punctuation hangs below them."""
    lines = LINE.findall(text) or [""]
    columns = [f"<span>{escape(line)}</span>" for line in lines]
    mark = '<i class="cursor"></i>' if cursor else ""
    return f'<div class="verse" lang="zh">{"".join(columns)}{mark}</div>'


def checked(artifact: Artifact) -> str:
    """What its form is, and whether it rhymes."""
    assert isinstance(artifact.media, Writing)
    poem = artifact.media.text
    if problem := form_problem(poem):
        return f'<p class="form broken">✗ {both(problem)}</p>'
    kept = both(FORM.fill(count=poem.index("，")))
    rhyme = artifact.record.details.get("rhyme")
    mark, says = ("✓", RHYME) if rhyme else ("✗", NO_RHYME)
    return f'<p class="form">✓ {kept} · {mark} {both(says)}</p>'


def nearest(found: Iterable[Artifact]) -> str:
    """Training poems, with what they share with the poem in question."""
    return f'<div class="nearest">{"".join(map(training_poem, found))}</div>'


def training_poem(artifact: Artifact) -> str:
    assert isinstance(artifact.media, Writing)
    details = artifact.record.details
    says = SHARED.fill(share=f"{details['shared']:.0%}", longest=details["longest"] or "–")
    by = escape(f"{details['author']}《{details['title']}》")
    poem = escape(artifact.media.text)
    caption = f"<figcaption>{by} · {both(says)}</figcaption>"
    return f'<figure lang="zh"><p>{poem}</p>{caption}</figure>'
