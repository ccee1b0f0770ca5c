"""The last runs, kept in the visitor's own browser, so that a reload loses nothing."""

import base64
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image as Pillow
from pydantic import ValidationError

from aigc_core.artifact import Record
from aigc_core.bridge import to_the_end
from aigc_core.errors import UnreadableFile
from aigc_core.pictures import open_picture
from aigc_core.tasks import SampleImages
from aigc_core.text import Text
from apps.ui.language import language
from apps.ui.markup import lede
from apps.ui.pages import outside
from apps.ui.restore import settings_of
from apps.ui.runs import QUIET, guarded

LEDE = Text(
    "Your last runs, kept in this browser only. Choose one to draw it again.",
    "你最近的生成记录，只保存在此浏览器中。选择一个即可重新绘制。",
)
CAPTION, UNKNOWN = Text("{count} x {label}, {seed}", "{count} 个 {label}，{seed}"), Text("?", "?")
GONE = Text("This run is not kept any more.", "这次运行已不在记录中。")
KEPT = 24
# Pixels: the corner of a sheet that is kept. A larger one is not ours and may be a bomb.
THUMB = 112


@dataclass(frozen=True)
class History:
    """The kept runs, and the gallery that shows them."""

    kept: gr.BrowserState
    gallery: gr.Gallery

    def remember(self, job: Any, on_show: gr.State, file: gr.DownloadButton) -> None:
        """Keeps what a job made: the record of its sheet, and a corner of the sheet."""
        job.success(remember, [on_show, file, self.kept], self.kept, **QUIET).success(
            thumbnails, self.kept, self.gallery, **QUIET
        )

    def recalled(self, settings: list[gr.components.Component]) -> Any:
        """The event of a choice: it puts the settings of that run back."""
        return self.gallery.select(recall, self.kept, settings, **QUIET)


def draw() -> History:
    """Draws the kept runs into the current context."""
    with outside():
        # A secret of the process would lose the history whenever the server starts anew.
        kept = gr.BrowserState([], storage_key="aigc_history", secret="aigc")  # noqa: S106
    gr.HTML(lede(LEDE), padding=False)
    gallery = gr.Gallery(
        show_label=False,
        columns=8,
        height="auto",
        allow_preview=False,
        interactive=False,
        format="png",
        buttons=[],
        elem_id="history",
    )
    context = gr.context.Context.root_block
    assert context is not None
    context.load(thumbnails, kept, gallery, **QUIET)
    return History(kept, gallery)


@guarded
async def remember(
    on_show: Any,
    file: Any,
    kept: Any,
    web: gr.Request,  # noqa: ARG001
) -> AsyncIterator[list[dict[str, Any]]]:
    """Adds the finished sheet of a run; a stranger may name another file."""
    if not isinstance(file, str):
        raise UnreadableFile(GONE)
    yield await to_the_end(remembered, on_show, file, kept)


def remembered(on_show: Any, file: str, kept: Any) -> list[dict[str, Any]]:
    with open_picture(Path(file), formats=("PNG",)) as sheet:
        corner = sheet.crop((0, 0, min(sheet.width, THUMB), min(sheet.height, THUMB)))
    buffer = io.BytesIO()
    corner.save(buffer, "PNG")
    picture = base64.b64encode(buffer.getvalue()).decode()
    return [{"record": on_show, "picture": picture}, *listed(kept)][:KEPT]


async def thumbnails(kept: Any, web: gr.Request) -> list[tuple[Any, str]]:
    """The gallery's pictures, newest first."""
    spoken = language(web)
    return [
        (opened(item["picture"]), caption(item["record"]["request"]).say(spoken))
        for item in await to_the_end(listed, kept)
    ]


def caption(asked: dict[str, Any]) -> Text:
    """What tells a run from the others: how many of which digit, and the seed."""
    names = {choice.value: choice.name for choice in SampleImages.shown("label").choices}
    label = names.get(str(asked.get("label")), UNKNOWN)
    return CAPTION.fill(label=label, count=asked.get("count"), seed=asked.get("seed"))


@guarded
async def recall(
    kept: Any,
    at: gr.SelectData,
    web: gr.Request,  # noqa: ARG001
) -> AsyncIterator[list[Any]]:
    items = await to_the_end(listed, kept)
    if not isinstance(at.index, int) or not 0 <= at.index < len(items):
        raise UnreadableFile(GONE)
    yield settings_of(Record.model_validate(items[at.index]["record"]))


def listed(kept: Any) -> list[dict[str, Any]]:
    """What the browser kept, as far as it is ours: a visitor may have put anything there."""
    good = []
    for item in kept[:KEPT] if isinstance(kept, list) else []:
        try:
            Record.model_validate(item["record"])
            opened(item["picture"])
        except (ValidationError, ValueError, TypeError, KeyError, OSError, SyntaxError):
            continue
        good.append(item)
    return good


def opened(picture: str) -> Pillow.Image:
    """A kept picture, decoded.

    Raises:
        ValueError, OSError, SyntaxError: it is not a PNG of a size that we keep.
    """
    content = base64.b64decode(picture, validate=True)
    try:
        image = Pillow.open(io.BytesIO(content), formats=("PNG",))
    except Pillow.DecompressionBombError as error:
        raise ValueError(str(error)) from None
    if max(image.size) > THUMB:
        raise ValueError(f"{image.width} x {image.height} pixels")
    image.load()
    return image
