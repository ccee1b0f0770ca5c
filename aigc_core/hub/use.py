"""Who needs a commit's files at this moment, so that nobody deletes them meanwhile.

Within this process; between processes, the locks of the files guard what is being downloaded.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aigc_core.hub.record import FOLDER
from aigc_core.hub.settings import home
from aigc_core.hub.source import Source

Commit = tuple[str, str]

CHANGED = threading.Condition()
USERS: Counter[Commit] = Counter()
DELETING: set[Commit] = set()

MOMENT = 1.0  # seconds in which a download that nobody wants any more has ended


@contextmanager
def using(source: Source) -> Iterator[None]:
    """Around reading or downloading a model's files; waits while they are being deleted."""
    commit = (source.repo, source.revision)
    with CHANGED:
        CHANGED.wait_for(lambda: commit not in DELETING)
        USERS[commit] += 1
    try:
        yield
    finally:
        with CHANGED:
            USERS[commit] -= 1
            CHANGED.notify_all()


@contextmanager
def deleting(repo: str, revision: str) -> Iterator[bool]:
    """Around deleting a commit's files; whether that may be done, since nobody needs them."""
    commit = (repo, revision)
    with CHANGED:
        free = CHANGED.wait_for(lambda: not USERS[commit] and commit not in DELETING, MOMENT)
        if free:
            DELETING.add(commit)
    try:
        yield free
    finally:
        with CHANGED:
            if free:
                DELETING.discard(commit)
            CHANGED.notify_all()


def note_use(source: Source) -> None:
    """Remembers that a model was loaded now; the files' own times tell of any reader."""
    with suppress(OSError):
        path = home(source.repo) / FOLDER / f"{source.revision}.used"
        path.parent.mkdir(exist_ok=True)
        path.touch()


def last_use(repo: str, revision: str) -> float | None:
    """When a model of this commit was last loaded, in seconds since 1970; None if unknown."""
    with suppress(OSError):
        return min(time.time(), (home(repo) / FOLDER / f"{revision}.used").stat().st_mtime)
    return None
