"""What a snapshot consists of as far as the disk tells, where the hub cannot be asked.

Another program may have downloaded it. The cache calls each content by its checksum, so that it
can be verified without the network.
"""

import re
from pathlib import Path

from aigc_core.hub.errors import HubError
from aigc_core.hub.files import MODEL_INDEX, TERMS, File, choose, read_components
from aigc_core.hub.record import Record, read_record, record_path, snapshot_folder
from aigc_core.hub.settings import home
from aigc_core.hub.source import Source
from aigc_core.hub.web import as_json

BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
CONFIG = "config.json"


def record_on_disk(source: Source) -> Record | None:
    """The files of a snapshot: by our record, or by what is there; None if those are too few."""
    record = read_record(record_path(source))
    if record is not None and record.files:
        return record
    folder = snapshot_folder(source)
    there = files_of(folder)
    listed = huggingface_listing(source) or there
    # Of the whole listing, programs fetch what they need.
    listed = [file for file in listed if not file.base.startswith(TERMS) or file in there]
    try:
        index = (folder / MODEL_INDEX).read_bytes()
    except OSError:
        components = None
    else:
        components = read_components(as_json(index))
    try:
        files = choose(source.repo, listed, source.variant, components)
    except HubError:
        return None
    names = {file.name for file in files}
    folders = {file.folder for file in files}
    whole = CONFIG in names if components is None else folders >= set(components)
    return Record(files, {}) if whole else None


def files_of(folder: Path) -> list[File]:
    """The files of a snapshot whose checksums are known: their links tell them."""
    found = []
    for path in folder.rglob("*"):
        if path.is_symlink() and path.is_file():
            blob = path.readlink().name
            if BLOB.fullmatch(blob):
                found.append(File(path.relative_to(folder).as_posix(), path.stat().st_size, blob))
    return found


def huggingface_listing(source: Source) -> list[File]:
    """The listing of the repository that huggingface_hub keeps beside its snapshots, or nothing."""
    try:
        kept = as_json((home(source.repo) / "trees" / f"{source.revision}.json").read_bytes())
        return [
            File(name, int(of["size"]), str(of.get("lfs_sha256") or of["blob_id"]))
            for name, of in kept["files"].items()
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []
