"""Files that are whole or not there, also where the process or the power ends in the middle."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes | str) -> None:
    """Puts a file into its place, and its folder with it where there is none.

    Args:
        content: text is written as UTF-8.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
