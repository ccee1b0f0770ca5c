"""What the hub on loopback keeps of a repository, and how its API tells of it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Stored:
    """A file of a repository."""

    path: Path
    size: int
    git: str
    sha256: str | None

    @property
    def etag(self) -> str:
        return self.sha256 or self.git


@dataclass(frozen=True)
class Repository:
    """What the hub knows of a repository at its one commit."""

    commit: str
    files: dict[str, Stored]
    gated: bool
    private: bool
    about: dict[str, Any]


def stored(path: Path, lfs: bool) -> Stored:
    content = path.read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return Stored(path, len(content), git, hashlib.sha256(content).hexdigest() if lfs else None)


def commit_of(repo: str, files: dict[str, Stored]) -> str:
    """Forty digits that change when a file does."""
    listing = "\n".join(f"{name} {file.git}" for name, file in files.items())
    return hashlib.sha1(f"{repo}\n{listing}".encode()).hexdigest()


def listed(name: str, file: Stored) -> dict[str, Any]:
    """A file as the API lists it in a tree."""
    entry = {"type": "file", "path": name, "size": file.size, "oid": file.git}
    if file.sha256:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 134}
    return entry


def described(repo: str, found: Repository, *, blobs: bool) -> dict[str, Any]:
    """A repository as the API describes it."""
    siblings: list[dict[str, Any]] = []
    for name, file in found.files.items():
        entry: dict[str, Any] = {"rfilename": name}
        if blobs:
            entry |= {"size": file.size, "blobId": file.git}
            if file.sha256:
                entry["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": 134}
        siblings.append(entry)
    return {
        "id": repo,
        "modelId": repo,
        "sha": found.commit,
        "private": found.private,
        "disabled": False,
        "gated": "auto" if found.gated else False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": siblings,
        **found.about,
    }
