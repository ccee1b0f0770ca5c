"""A produced medium with the record of how it was made, written into the file itself.

PNG carries the record as Unicode text (iTXt) under the key `aigc`, beside the standard keys
Title, Description, Software and Creation Time that any viewer of metadata shows; GIF carries the
JSON as its comment. A text is saved with the record as its last line (.txt), or beside it (.json).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from pydantic import BaseModel, ConfigDict, ValidationError

from aigc_core.errors import UnreadableFile
from aigc_core.media import Animation, Image, Media, Numbers, Writing, pixels, sheet, values
from aigc_core.pictures import open_picture
from aigc_core.text import Text

KEY = "aigc"
TEXT_FILES = (".txt", ".json")
LONGEST_TEXT = 2_000_000  # bytes
PLAIN: dict[str, Any] = {"ensure_ascii": False, "indent": 1}


class Record(BaseModel):
    """How an artifact was made: enough to make it again.

    `tolerance` states how far a rerun may differ, in levels of 255: 0 promises identical media on
    the same device class with the same versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "aigc-record/1"
    task: str
    request: dict[str, Any]
    model: str
    revision: str
    seed: int
    details: dict[str, Any] = {}
    device: str
    software: dict[str, str]
    tolerance: float = 0.0
    created: str
    seconds: float

    def canonical(self) -> str:
        """The record without time and timing, as one line of JSON with sorted keys."""
        fields = self.model_dump(exclude={"created", "seconds"})
        return json.dumps(fields, sort_keys=True, ensure_ascii=False)

    def describe(self) -> Text:
        """One sentence, for alternative text and for the Description of files.

        It leaves out what is no word, such as the pixels of a picture.
        """
        said = {name: str(value) for name, value in self.request.items()}
        values = ", ".join(f"{name} {value}" for name, value in said.items() if len(value) <= 80)
        return Text("Made by {model}: {values}.", "由 {model} 生成：{values}。").fill(
            model=self.model, values=values
        )


@dataclass(frozen=True)
class Artifact:
    """A medium, its record, and a caption where one is needed, which is part of neither."""

    media: Media
    record: Record
    caption: Text | None = None

    def digest(self) -> str:
        """SHA-256 of the decoded media and the canonical record: equal means identical."""
        content = values(self.media)
        digest = hashlib.sha256(repr(content.shape).encode())
        digest.update(np.ascontiguousarray(content).tobytes())
        digest.update(self.record.canonical().encode())
        return digest.hexdigest()

    def save(self, path: Path) -> Path:
        """Writes a PNG (image), a GIF (animation), text (.json or .txt) or numbers (.json).

        The record is in it.
        """
        text = self.record.model_dump_json()
        if isinstance(self.media, Numbers):
            values = {"axes": self.media.axes, "values": plain(self.media.array)}
            path.write_text(
                json.dumps(values | {KEY: json.loads(text)}, ensure_ascii=False), "utf-8"
            )
        elif isinstance(self.media, Writing):
            if path.suffix == ".json":
                said = {k: v for k, v in vars(self.media).items() if v or k == "text"}
                content = json.dumps({**said, KEY: json.loads(text)}, **PLAIN)
            else:
                content = f"{self.media.text}\n\n{KEY}: {text}\n"
            path.write_text(content, "utf-8", newline="\n")
        elif isinstance(self.media, Image):
            info = PngInfo()
            info.add_itxt(KEY, text)
            info.add_text("Title", f"{self.record.task} by {self.record.model}")
            info.add_itxt("Description", self.record.describe().en)
            info.add_text("Software", "AIGC suite " + self.record.software.get("aigc", ""))
            info.add_text("Creation Time", self.record.created)
            Pillow.fromarray(self.media.pixels).save(path, "PNG", pnginfo=info)
        elif isinstance(self.media, Animation):
            first, *rest = [Pillow.fromarray(frame) for frame in self.media.frames]
            first.save(
                path,
                "GIF",
                save_all=True,
                append_images=rest,
                duration=round(1000 / self.media.fps),
                loop=0,
                comment=text.encode(),
            )
        return path


def plain(array: np.ndarray) -> Any:
    """Numbers as JSON has them, which knows no NaN."""
    whole = array.astype(object)
    whole[np.isnan(array)] = None
    return whole.tolist()


def contact_sheet(artifacts: Sequence[Artifact], columns: int = 10) -> Artifact:
    """All pictures of one run on one sheet, under the record of the run."""
    pictures = [pixels(artifact.media) for artifact in artifacts]
    labels = [artifact.record.details.get("label") for artifact in artifacts]
    details = {"pictures": len(pictures), "labels": labels}
    record = artifacts[0].record.model_copy(update={"details": details})
    return Artifact(sheet(np.stack(pictures), columns=min(columns, len(pictures))), record)


def read_record(path: Path) -> Record:
    """The record inside a PNG, a GIF or a file of text that was made here.

    Raises:
        UnreadableFile: not such a file, damaged, too large, or without a record.
    """
    if path.suffix.lower() in TEXT_FILES:
        return of_text(path)
    with open_picture(path, formats=("PNG", "GIF")) as picture:
        text = picture.info.get(KEY) or picture.info.get("comment")
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    try:
        return Record.model_validate_json(text or "")
    except (ValidationError, UnicodeError):
        raise UnreadableFile(
            Text(
                "This picture does not carry the record of a run. Only PNG and GIF files saved "
                "here do, and messengers often strip it.",
                "这张图片不带生成记录。只有在此保存的 PNG 和 GIF 才有，且聊天软件常会将其删除。",
            )
        ) from None


def read_text(path: Path) -> str:
    """The text in a .txt file that was saved here, without the record at its end."""
    return path.read_text("utf-8").rpartition(f"\n\n{KEY}: ")[0]


def of_text(path: Path) -> Record:
    """The record inside a .txt or .json file."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_TEXT + 1)
        if len(content) > LONGEST_TEXT:
            raise ValueError("too long")
        text = content.decode("utf-8-sig")
        if path.suffix.lower() == ".json":
            return Record.model_validate(json.loads(text)[KEY])
        name, _, record = text.rstrip().rpartition("\n")[2].partition(": ")
        if name != KEY:
            raise ValueError("no record")
        return Record.model_validate_json(record)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableFile(
            Text(
                "This file does not carry the record of a run. Only texts saved here do.",
                "此文件不带生成记录。只有在此保存的文本才有。",
            )
        ) from None
