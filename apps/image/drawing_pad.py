"""A sheet to draw a digit on, or to put a picture on; and what comes of it for a request."""

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.digits import pack, read_digit
from aigc_core.errors import UnreadableFile
from aigc_core.media import Image
from aigc_core.pictures import MAX_BYTES
from aigc_core.text import Text
from apps.ui.controls import raw
from apps.ui.language import both
from apps.ui.markup import address, said, source
from apps.ui.pages import outside

SCRIPT = Path(__file__).with_suffix(".js")
DRAWINGS = Path(__file__).parent / "drawings"
# Ours, drawn for this page; the first is there when it opens.
EXAMPLES = (
    ("three", Text("A three", "数字三")),
    ("seven", Text("A seven", "数字七")),
    ("four", Text("A four", "数字四")),
    ("star", Text("A star, which is no digit", "星形，不是数字")),
    ("face", Text("A face, which is no digit", "笑脸，不是数字")),
)
SHEET = Text("A sheet to draw a digit on", "用来画数字的画板")
TOOLS = (
    ("pen", Text("Pen", "画笔")),
    ("eraser", Text("Eraser", "橡皮")),
    ("undo", Text("Undo", "撤销")),
    ("clear", Text("Clear", "清空")),
    ("upload", Text("Upload", "上传")),
)
DATA_URL = "data:"


def draw() -> tuple[gr.HTML, gr.UploadButton]:
    """Draws the sheet into the current context; its value is a picture in a data: URL.

    The second is the field that a file is put into, by a click on Upload or by a drop.
    """
    first, _ = EXAMPLES[0]
    sheet = gr.HTML(
        drawing(first),
        html_template=template(),
        js_on_load=SCRIPT.read_text("utf-8"),
        elem_id="pad",
    )
    with outside():
        # Of any type: what is no picture is refused in our words, in both languages.
        upload = raw(gr.UploadButton(visible="hidden", elem_id="pad-file"))
    return sheet, upload


def packed(value: Any) -> Any:
    """The digit in a picture, as requests carry it. What is no data: URL goes on as it came.

    Raises:
        UnreadableFile: too large, no picture, or damaged.
        InvalidRequest: nothing is drawn there.
    """
    if not isinstance(value, str) or not value.startswith(DATA_URL):
        return value
    _, _, code = value.partition(",")
    try:
        content = base64.b64decode(code[: 2 * MAX_BYTES], validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableFile(
            Text("This picture is damaged or cut off.", "这张图片已损坏或不完整。")
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture"
        file.write_bytes(content)
        return pack(read_digit(file))


def uploaded(file: Any) -> str:
    """The digit in a file, as the sheet shows it: black on white.

    Raises:
        AigcError: as `packed`, or no file came.
    """
    path = getattr(file, "path", None)
    if path is None:
        raise UnreadableFile(Text("No file came.", "没有收到文件。"))
    return source(Image(255 - read_digit(Path(path))))


def drawing(name: str) -> str:
    return address("image/png", (DRAWINGS / f"{name}.png").read_bytes())


def template() -> str:
    tools = "".join(
        f'<button type="button" data-do="{do}"{pressed(do)}>{both(name)}</button>'
        for do, name in TOOLS
    )
    examples = "".join(
        f'<button type="button" data-example title="{said(name)}">'
        f'<img src="{drawing(id)}" alt="{said(name)}"></button>'
        for id, name in EXAMPLES
    )
    return (
        f'<canvas role="img" aria-label="{said(SHEET)}"></canvas>'
        f'<div class="tools">{tools}</div><div class="examples">{examples}</div>'
    )


def pressed(do: str) -> str:
    """Of the two tools one is in the hand."""
    held = {"pen": "true", "eraser": "false"}.get(do)
    return f' aria-pressed="{held}"' if held else ""
