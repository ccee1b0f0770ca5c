"""Which files of which repository, at which commit."""

import re
from dataclasses import dataclass

REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
COMMIT = re.compile(r"[0-9a-f]{40}")
SHORT = 7  # digits that tell commits apart
VARIANT = re.compile(r"\w{0,32}", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A snapshot of a repository on the hub.

    Args:
        repo: `org/name`.
        revision: the commit, 40 hexadecimal digits: a name such as `main` may move.
        variant: of the weights' files, such as `fp16`; empty for the plain ones.
    """

    repo: str
    revision: str
    variant: str = ""

    def __post_init__(self) -> None:
        if not REPO.fullmatch(self.repo) or ".." in self.repo:
            raise ValueError(f"{self.repo!r} is not org/name")
        if not COMMIT.fullmatch(self.revision):
            raise ValueError(f"{self.revision!r} is not a commit")
        if not VARIANT.fullmatch(self.variant):
            raise ValueError(f"{self.variant!r} is not a variant")
