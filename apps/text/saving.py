"""Texts as one file to save."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from aigc_core.artifact import Artifact
from aigc_core.exports import file_name, write_zip


@contextmanager
def saved(artifacts: Sequence[Artifact], name: str) -> Iterator[str | None]:
    """A file with all of them, while Gradio takes it: one text as it is, several in a ZIP."""
    with tempfile.TemporaryDirectory() as folder:
        if not artifacts:
            yield None
        elif len(artifacts) == 1:
            yield str(artifacts[0].save(Path(folder) / file_name(artifacts[0])))
        else:
            yield str(write_zip(artifacts, Path(folder) / f"{name}.zip"))
