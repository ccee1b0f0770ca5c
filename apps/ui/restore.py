"""The record of a picture, shown; and a saved picture opened, to go on from how it was made."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import tasks
from aigc_core.artifact import Record, read_record
from aigc_core.bridge import to_the_end
from aigc_core.errors import UnreadableFile
from aigc_core.text import Text
from apps.ui.controls import raw
from apps.ui.language import t
from apps.ui.markup import lede
from apps.ui.pages import outside
from apps.ui.runs import QUIET, guarded

LEDE = Text(
    "Every saved picture carries this record in the file itself. Drop such a file anywhere on "
    "the page, and its model and settings come back.",
    "每张保存的图片都在文件中带有这份记录。把它拖到页面任意位置，模型和设置便会恢复。",
)
OTHER = Text(
    "This file was made by “{task}”. Only sheets of pictures can be opened here.",
    "此文件由“{task}”生成。这里只能打开图片网格。",
)


@dataclass(frozen=True)
class Restore:
    """The record on show, and the field that a file is put into, by hand or by a drop."""

    record: gr.JSON
    upload: gr.UploadButton

    def restored(self, settings: list[gr.components.Component]) -> Any:
        """The event of an opened file: it puts the settings of its record back."""
        return self.upload.upload(restored, self.upload, settings, **QUIET)


def draw() -> Restore:
    """Draws the record and the button into the current context."""
    gr.HTML(lede(LEDE), padding=False)
    with outside():
        # Of any type: what is no picture of ours is refused in our words, in both languages.
        upload = raw(gr.UploadButton(visible="hidden", elem_id="opened"))
    button = gr.Button(
        t(Text("Open a saved picture", "打开保存的图片")),
        size="sm",
        elem_id="restore",
        elem_classes=["narrow"],
    )
    button.click(None, js="() => document.querySelector('#opened').click()", **QUIET)
    record = gr.JSON(show_label=False, elem_id="record", open=True, buttons=["copy"])
    return Restore(record, upload)


@guarded
async def restored(file: Any, web: gr.Request) -> AsyncIterator[list[Any]]:  # noqa: ARG001
    path = getattr(file, "path", None)
    if path is None:
        raise UnreadableFile(Text("No file came.", "没有收到文件。"))
    yield settings_of(await to_the_end(read_record, Path(path)))


def settings_of(record: Record) -> list[Any]:
    """The values of a demo's controls: the request's fields in order, and the model.

    Raises:
        AigcError: the record is of another task, or its request is not valid.
    """
    request_type = tasks.find(record.task)
    if request_type is not tasks.SampleImages:
        raise UnreadableFile(OTHER, task=request_type.title)
    request = request_type.ask(**record.request)
    return [*request.model_dump().values(), record.model]
