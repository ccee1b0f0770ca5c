"""Artifacts as files: one each in a folder or a ZIP, or all pictures on one sheet."""

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aigc_core.artifact import TEXT_FILES, Artifact, contact_sheet
from aigc_core.errors import InvalidRequest
from aigc_core.media import Animation, Image, Numbers, Writing
from aigc_core.text import Text


def file_name(artifact: Artifact) -> str:
    """Model, seed and what tells siblings apart: `dcgan-mnist-000042-3.png`."""
    endings: dict[type, str] = {Image: "png", Animation: "gif", Writing: "txt", Numbers: "json"}
    record = artifact.record
    parts = [record.model, f"{record.seed:06d}"]
    parts += [
        str(record.details[key]) for key in ("role", "label", "layer") if key in record.details
    ]
    return "-".join(parts) + f".{endings[type(artifact.media)]}"


def file_names(artifacts: Sequence[Artifact]) -> list[str]:
    """A name for each artifact of one run; those that would share one are numbered."""
    names = [file_name(artifact) for artifact in artifacts]
    return [
        name if names.count(name) == 1 else f"{Path(name).stem}-{place:03d}{Path(name).suffix}"
        for place, name in enumerate(names)
    ]


def write(artifacts: Sequence[Artifact], out: Path) -> list[Path]:
    """Writes artifacts, each with its record, and returns the files.

    Args:
        out: a folder, a `.zip`, or one `.png` (a sheet of all), `.gif`, `.txt` or `.json`.

    Raises:
        InvalidRequest: the ending does not fit what was made.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".zip":
        return [write_zip(artifacts, out)]
    if out.suffix == "":
        out.mkdir(exist_ok=True)
        named = zip(artifacts, file_names(artifacts), strict=True)
        return [artifact.save(out / name) for artifact, name in named]
    pictures = [artifact for artifact in artifacts if isinstance(artifact.media, Image)]
    if out.suffix == ".png" and pictures:
        same = len({p.media.pixels.shape for p in pictures if isinstance(p.media, Image)}) == 1
        if len(pictures) == 1:
            return [pictures[0].save(out)]
        if same:
            columns = pictures[0].record.request.get("columns", 10)
            return [contact_sheet(pictures, columns).save(out)]
    if len(artifacts) == 1:
        media = artifacts[0].media
        if (
            (out.suffix == ".gif" and isinstance(media, Animation))
            or (out.suffix in TEXT_FILES and isinstance(media, Writing))
            or (out.suffix == ".json" and isinstance(media, Numbers))
        ):
            return [artifacts[0].save(out)]
    raise InvalidRequest(
        Text(
            "What was made does not fit into one {suffix} file; name a folder or a .zip.",
            "结果无法存为一个 {suffix} 文件；请指定文件夹或 .zip。",
        ),
        suffix=out.suffix,
    )


@contextmanager
def writable(out: Path) -> Iterator[None]:
    """Around writing to a place that a person named.

    Raises:
        InvalidRequest: the system does not let us write there.
    """
    try:
        yield
    except OSError as error:
        raise InvalidRequest(
            Text("{out} cannot be written: {why}.", "无法写入 {out}：{why}。"),
            out=out,
            why=error.strerror or error,
        ) from error


def write_zip(artifacts: Sequence[Artifact], path: Path) -> Path:
    """One file per artifact in a ZIP."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "w") as archive:
        for artifact, name in zip(artifacts, file_names(artifacts), strict=True):
            file = artifact.save(Path(folder) / name)
            archive.write(file, file.name)
    return path
