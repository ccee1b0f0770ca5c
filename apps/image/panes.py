"""One pane per model: its name, what it drew, the line of its card, and the card's table folded."""

import tempfile
from pathlib import Path

from aigc_core import default_engine
from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.data import mnist
from aigc_core.exports import file_name
from aigc_core.tasks.study import CompareModels
from aigc_core.text import Text
from apps.ui.language import both
from apps.ui.markup import address, img
from apps.ui.panes import pane
from apps.ui.quality import card_of, quality, quality_facts

SAVE = Text("Save", "保存")
FIGURES = Text("All figures", "全部指标")
ANY = Text("Knows no classes: any digits.", "不区分类别：任意数字。")
FETCH = Text(
    "The test digits of MNIST are not on this machine. Draw fetches them (1.7 MB), or set "
    "AIGC_DATA_DIR to a folder that has them.",
    "本机没有 MNIST 测试数字。点击“绘制”将下载（1.7 MB），或将 AIGC_DATA_DIR 设为已有它的文件夹。",
)


def blank(entry: Entry) -> str:
    """Before the first run."""
    here = not entry.is_data or mnist.is_here("test") or default_engine().problem(entry)
    note = "" if here else f"<p>{both(FETCH)}</p>"
    return pane(entry.short, space(3), note, quality_facts(entry, floors=False), table(entry))


def working(entry: Entry, question: CompareModels) -> str:
    """While it draws or waits for its turn."""
    return pane(
        entry.short,
        space(-(-question.count // 10)),
        quality_facts(entry, floors=False),
        table(entry),
    )


def drawn(entry: Entry, sheet: Artifact, question: CompareModels) -> str:
    """What it drew; the picture's file carries its record."""
    with tempfile.TemporaryDirectory() as folder:
        content = sheet.save(Path(folder) / file_name(sheet)).read_bytes()
    picture = img("image/png", content, sheet.record.describe())
    note = "" if entry.conditional or question.label == "any" else f"<p>{both(ANY)}</p>"
    save = (
        f'<a download="{file_name(sheet)}" href="{address("image/png", content)}">{both(SAVE)}</a>'
    )
    aside = f"<span>{1000 * sheet.record.seconds:.0f} ms {save}</span>"
    return pane(
        entry.short, picture, note, quality_facts(entry, floors=False), table(entry), aside=aside
    )


def failed(entry: Entry, why: Text) -> str:
    """Why it could not."""
    return pane(entry.short, space(3), f'<p class="notice">{both(why)}</p>')


def space(rows: int) -> str:
    """Where the picture will be."""
    return f'<div class="blank" style="aspect-ratio: 10 / {rows}"></div>'


def table(entry: Entry) -> str:
    """The card's table, folded; nothing where there is no card."""
    if card_of(entry) is None:
        return ""
    return f"<details><summary>{both(FIGURES)}</summary>{quality(entry)}</details>"
