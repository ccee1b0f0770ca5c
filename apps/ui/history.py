"""This visit: the last runs, kept in the visitor's own browser, so that a reload loses nothing."""

import base64
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image as Pillow
from pydantic import ValidationError

from aigc_core.artifact import Artifact, Record
from aigc_core.errors import UnreadableFile
from aigc_core.media import pixels, sheet
from aigc_core.text import Text
from apps.ui.markup import lede
from apps.ui.pages import outside
from apps.ui.restore import settings_of
from apps.ui.runs import QUIET, guarded

LEDE = Text(
    "Your last runs, kept in this browser only. Choose one to draw it again.",
    "您最近的运行，只保存在此浏览器中。选择一个即可重新绘制。",
)
GONE = Text("This run is not kept any more.", "这次运行已不在记录中。")
KEPT = 24
THUMBS = 4
# Of a kept picture, far above what `remember` makes: more is not ours and may be a bomb.
MAX_SIDE = 4096


@dataclass(frozen=True)
class History:
    """The kept runs, and the gallery that shows them."""

    kept: gr.BrowserState
    gallery: gr.Gallery

    def remember(self, job: Any, run: gr.State) -> None:
        """Keeps what a job made."""
        job.success(remember, [run, self.kept], self.kept, **QUIET).success(
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


def remember(run: tuple[Artifact, ...], kept: Any) -> list[dict[str, Any]]:
    if not run:
        return listed(kept)
    few = np.stack([pixels(artifact.media) for artifact in run[: THUMBS**2]])
    columns = 1 if len(few) == 1 else THUMBS if len(few) > THUMBS else 2
    buffer = io.BytesIO()
    Pillow.fromarray(sheet(few, columns).pixels).save(buffer, "PNG")
    picture = base64.b64encode(buffer.getvalue()).decode()
    item = {"record": run[0].record.model_dump(), "picture": picture}
    return [item, *listed(kept)][:KEPT]


def thumbnails(kept: Any) -> list[tuple[Any, str]]:
    """The gallery's pictures, newest first."""
    return [
        (opened(item["picture"]), f"{item['record']['model']} · {item['record']['seed']}")
        for item in listed(kept)
    ]


@guarded
async def recall(
    kept: Any,
    at: gr.SelectData,
    web: gr.Request,  # noqa: ARG001
) -> AsyncIterator[list[Any]]:
    items = listed(kept)
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
    if max(image.size) > MAX_SIDE:
        raise ValueError(f"{image.width} x {image.height} pixels")
    image.load()
    return image
