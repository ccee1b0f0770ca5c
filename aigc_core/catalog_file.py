"""The host's own catalog file, to which the owner adds models of the hub.

It is a file that people edit too: what is written is put at its end, and what stands there before,
comments and all, stays as it is.
"""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from filelock import FileLock

from aigc_core.catalog import Catalog, Entry, Licences, Words, own_file, read_entries
from aigc_core.errors import AigcError, InvalidRequest
from aigc_core.hub.inspect import Found, inspect
from aigc_core.hub.settings import DEFAULT, endpoint, split
from aigc_core.hub.source import REPO, SHORT
from aigc_core.tasks import brief
from aigc_core.text import Text

REFERENCE = re.compile(
    r"(?:https?://(?P<host>[^/\s]+)/)?(?P<repo>[^/\s@]+/[^/\s@]+?)(?:(?:/tree/|@)(?P<revision>[^\s@]+?))?/?"
)

NOT_OWN = Text(
    "{model} is not in your own catalog, {file}, so there is no entry to take out.",
    "{model} 不在你自己的模型目录 {file} 中，没有可移除的条目。",
)
BY_HAND = Text(
    "{model} stands in {file} in a form that only you can take out: edit the file.",
    "{model} 在 {file} 中的写法只能手动移除：请编辑该文件。",
)


class NotAllowed(AigcError):
    """The host does not let this repository be added."""

    def __init__(self, repo: str) -> None:
        super().__init__(
            Text(
                "The host does not let {repo} be added; AIGC_ALLOW names what may be.",
                "主机不允许添加 {repo}；可添加的仓库由 AIGC_ALLOW 指定。",
            ),
            repo=repo,
        )


class AlreadyThere(AigcError):
    """The catalog has this very version."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(
            Text("It is in the list already, as {model}.", "它已在列表中，名为 {model}。"),
            model=entry.id,
        )


def wanted(reference: Any) -> tuple[str, str | None]:
    """The repository and the revision that somebody means.

    Args:
        reference: `org/name`, `org/name@revision`, or the address of its page.

    Raises:
        InvalidRequest: it is none of these, or the address of another site.
        NotAllowed: the host does not let it be added.
    """
    match = REFERENCE.fullmatch(reference.strip()) if isinstance(reference, str) else None
    if match is None or not REPO.fullmatch(match["repo"]) or ".." in match["repo"]:
        raise InvalidRequest(
            Text(
                "“{given}” is not a repository: it is written org/name.",
                "“{given}”不是仓库名：应写作 org/name。",
            ),
            given=brief(reference),
        )
    hosts = {split(site).netloc.rpartition("@")[2].lower() for site in (DEFAULT, endpoint())}
    if match["host"] and match["host"].lower() not in hosts:
        raise InvalidRequest(
            Text(
                "{host} is not the hub: models are added from {hosts}.",
                "{host} 不是 Hub：模型只能从 {hosts} 添加。",
            ),
            host=brief(match["host"].rpartition("@")[2]),
            hosts=", ".join(sorted(hosts)),
        )
    repo = match["repo"]
    if not allowed(repo):
        raise NotAllowed(repo)
    return repo, match["revision"]


def allowed(repo: str) -> bool:
    """Whether the host lets it be added: `AIGC_ALLOW=org/*,other/name`, by default anything."""
    patterns = os.environ.get("AIGC_ALLOW")
    if patterns is None:
        return True
    return any(
        fnmatchcase(repo.lower(), pattern.strip().lower()) for pattern in patterns.split(",")
    )


def look_up(reference: Any, catalog: Catalog) -> Found:
    """What a repository is, asked of the hub.

    Raises:
        AigcError: as `wanted`; it is there already; or it cannot be had or used (`HubError`).
    """
    repo, revision = wanted(reference)
    found = inspect(repo, revision)
    for entry in catalog.entries.values():
        if entry.origin == "hub" and entry.source == found.source:
            raise AlreadyThere(entry)
    return found


def entry_for(found: Found, catalog: Catalog) -> Entry:
    """What the catalog is to say of it."""
    org, _, name = found.source.repo.partition("/")
    return Entry(
        id=free_id(found, catalog),
        title=Words(en=f"{name}, from {org}", zh=f"{name}，来自 {org}"),
        about=Words(en=f"Added by hand: {found.class_name}.", zh=f"手动添加：{found.class_name}。"),
        family=found.family,
        origin="hub",
        folder=own_file().parent / "none",
        repo=found.source.repo,
        revision=found.source.revision,
        variant=found.source.variant,
        weights=found.weights,
        download=found.bytes,
        gated=found.gated,
        licences=Licences(weights=found.licence or "unknown", data="unknown"),
    )


def free_id(found: Found, catalog: Catalog) -> str:
    """A name that no model of the catalog has."""
    org, _, name = re.sub(r"[^a-z0-9./-]+", "-", found.source.repo.lower()).partition("/")
    commit = found.source.revision
    short = commit[:SHORT]
    names = (name, f"{org}-{name}", f"{name}-{short}", f"{org}-{name}-{short}")
    return next((id for id in names if id not in catalog.entries), f"{org}-{name}-{commit}")


def write(entry: Entry, file: Path | None = None) -> Path:
    """Adds an entry to the host's own file, all of it or nothing.

    Args:
        file: by default that of `own_file`.

    Raises:
        AigcError: the file cannot be read or written, or has such an entry.
    """
    file = file or own_file()
    with changing(file):
        before = file.read_text("utf-8") if file.exists() else ""
        replace(file, before.rstrip("\n") + "\n\n" * bool(before.strip()) + toml(entry))
    return file


def take_out(id: str, file: Path | None = None) -> Path:
    """Takes an entry out of the host's own file again; all else in it stays as it is.

    Args:
        file: by default that of `own_file`.

    Raises:
        AigcError: the file has no such entry, cannot be read or written, or has it in a form that
            only its author can take out.
    """
    file = file or own_file()
    with changing(file):
        before = file.read_text("utf-8") if file.exists() else ""
        models = tomllib.loads(before).get("models", {}) if not_broken(file) else {}
        if id not in models:
            raise AigcError(NOT_OWN, model=brief(id), file=file.name)
        after = "".join(without(before.splitlines(keepends=True), id))
        del models[id]
        if not models:
            after += "[models]\n" * ("models" not in tomllib.loads(after))
        if tomllib.loads(after).get("models") != models:
            raise AigcError(BY_HAND, model=id, file=file.name)
        replace(file, after)
    return file


def without(lines: Iterable[str], id: str) -> Iterator[str]:
    """The lines of a file without the tables of one entry; remarks on what follows stay."""
    ours, remarks = False, list[str]()
    for line in lines:
        if ours and (not line.strip() or line.startswith("#")):
            remarks.append(line)
            continue
        if line.startswith("["):
            try:
                named = tomllib.loads(line).get("models")
            except tomllib.TOMLDecodeError:  # Such as a line of a list that goes on.
                named = None
            else:
                ours = isinstance(named, dict) and id in named
        if not ours:
            yield from remarks
            yield line
        remarks.clear()
    yield from remarks


@contextmanager
def changing(file: Path) -> Iterator[None]:
    """Around changing a catalog file, one process at a time.

    Raises:
        AigcError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=10):
            yield
    except OSError as error:  # A lock that is never free is one, too.
        raise AigcError(
            Text("The catalog {file} cannot be written: {why}", "无法写入模型目录 {file}：{why}"),
            file=file.name,
            why=error.strerror or type(error).__name__,
        ) from error


def not_broken(file: Path) -> bool:
    """Whether there is a file with entries in it.

    Raises:
        AigcError: there is one that cannot be read.
    """
    return file.exists() and bool(read_entries(file))


def replace(file: Path, content: str) -> None:
    """Puts new content in the place of a catalog file, if it is a catalog."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        part = Path(folder) / file.name
        with part.open("w", encoding="utf-8") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        read_entries(part)
        if file.exists():
            part.chmod(file.stat().st_mode)
        part.replace(file)


def toml(entry: Entry) -> str:
    """The entry as TOML; what has its default is left out."""
    fields = entry.model_dump(exclude={"id", "folder"}, exclude_defaults=True)
    lines = (f"{name} = {value(field)}" for name, field in fields.items())
    return "\n".join((f"[models.{quoted(entry.id)}]", *lines, ""))


def value(of: Any) -> str:
    """A value in TOML: a string, a number, yes or no, a list or a table of these."""
    if isinstance(of, Mapping):
        return "{ " + ", ".join(f"{quoted(k)} = {value(v)}" for k, v in of.items()) + " }"
    if isinstance(of, bool):
        return "true" if of else "false"
    if isinstance(of, list | tuple):
        return f"[{', '.join(map(value, of))}]"
    return quoted(of) if isinstance(of, str) else str(of)


def quoted(text: str) -> str:
    """A basic string: JSON's, but that TOML wants DEL escaped too."""
    text = text.encode("utf-8", "replace").decode()
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
