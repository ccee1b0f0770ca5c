"""A hub on loopback that serves folders as repositories, and fails in every way a hub can.

    with HubServer() as hub:
        commit = hub.add("org/name", folder)
        hub.fault("drop", "*.safetensors", times=2, after=1000)
        ... HF_ENDPOINT=hub.endpoint ...
        hub.requests

As on the real hub, files in LFS come from another origin: a second port, the CDN, to which the
hub redirects, and which refuses who brings a token.
"""

import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.repository import Repository, Stored, commit_of, described, listed, stored

Kind = Literal[
    "status", "drop", "truncate", "corrupt", "hang", "slow", "garbage", "no_ranges", "redirect"
]
LFS = (".safetensors", ".bin", ".ckpt", ".pt", ".model", ".gguf", ".onnx", ".h5")
API = r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?"
PIECE = 65536


@dataclass
class Fault:
    """Something that goes wrong with the requests of a path.

    Args:
        on: pattern of paths, as a shell has them; those of the CDN begin with `/cdn/` and end
            with the file's name.
        times: how often it happens; None for always.
        after: bytes of the body that are sent before it happens; None for before the headers.
        status: to answer with, and `headers` beside it.
        rate: bytes a second.
        where: to redirect to.
    """

    kind: Kind
    on: str = "*"
    times: int | None = None
    after: int | None = None
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    rate: int = 100_000
    where: str = ""


@dataclass(frozen=True)
class Asked:
    """A request that came in.

    Args:
        server: which of the two ports.
        headers: their names in lower case.
    """

    server: Literal["hub", "cdn"]
    method: str
    path: str
    headers: Mapping[str, str]
    at: float

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization", "").removeprefix("Bearer ") or None


class Quiet(ThreadingHTTPServer):
    """Clients that go away in the middle are no news."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class HubServer:
    """The hub and its CDN, each on a free port of this machine, until the `with` ends.

    Args:
        tokens: those that exist, each with the gated or private repositories it opens.
    """

    def __init__(self, tokens: Mapping[str, set[str]] | None = None) -> None:
        self.tokens = {token: set(repos) for token, repos in (tokens or {}).items()}
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Asked] = []
        self.over = Event()
        self._faults: list[Fault] = []
        self._lock = Lock()
        self._servers = [self._serve("hub"), self._serve("cdn")]
        self.endpoint, self.cdn = (f"http://127.0.0.1:{s.server_address[1]}" for s in self._servers)

    def _serve(self, name: str) -> ThreadingHTTPServer:
        handler = type("Handler", (Answering,), {"hub": self, "name": name})
        server = Quiet(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def add(
        self,
        repo: str,
        folder: Path,
        *,
        gated: bool = False,
        private: bool = False,
        lfs: tuple[str, ...] = LFS,
        **about: Any,
    ) -> str:
        """Serves the files of a folder as `org/name`, and gives their commit.

        Args:
            lfs: endings of the files that come from the CDN.
            about: more of what the API tells, such as `pipeline_tag` or `tags`.
        """
        files = {
            path.relative_to(folder).as_posix(): stored(path, path.name.endswith(lfs))
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        commit = commit_of(repo, files)
        self.repositories[repo] = Repository(commit, files, gated, private, about)
        return commit

    def fault(self, kind: Kind, on: str = "*", **options: Any) -> Fault:
        """Lets something go wrong from now on; see `Fault`."""
        fault = Fault(kind, on, **options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def mend(self) -> None:
        """Ends all faults, for requests that are still to come."""
        with self._lock:
            self._faults.clear()

    def due(self, path: str) -> Fault | None:
        """The fault of this request, which is counted."""
        with self._lock:
            for fault in self._faults:
                if fnmatch(path, fault.on) and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def asked(self, on: str = "*") -> list[Asked]:
        """The requests for paths of a pattern, in the order in which they came."""
        return [request for request in list(self.requests) if fnmatch(request.path, on)]


class Gone(Exception):
    """The answer ends here, and the connection with it."""


class Refused(Exception):
    """The answer is an error."""

    def __init__(self, status: int, code: str = "", **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if code:
            self.headers["X-Error-Code"] = code


class Answering(BaseHTTPRequestHandler):
    """Answers as the hub's API, its files, or the CDN do."""

    hub: HubServer
    name: Literal["hub", "cdn"]
    protocol_version = "HTTP/1.1"
    fault: Fault | None = None

    def log_message(self, format: str, *args: object) -> None:
        """Requests are kept, not printed."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        path, query = unquote(address.path), parse_qs(address.query)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.requests.append(Asked(self.name, self.command, path, headers, time.monotonic()))
        self.fault = self.hub.due(path)
        try:
            self.go_wrong_first()
            self.answer(path, query)
        except Refused as refused:
            self.say(refused.status, b'{"error": "refused"}', refused.headers)
        except (Gone, ConnectionError):
            self.close_connection = True

    def answer(self, path: str, query: dict[str, list[str]]) -> None:
        if self.name == "cdn":
            self.cdn(path)
        elif match := re.fullmatch(API, path):
            self.api(match[1], match[2], match[3] or "main", query)
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.resolve(*match.groups())
        else:
            raise Refused(404, "EntryNotFound")

    def go_wrong_first(self) -> None:
        """What happens before anything is answered."""
        fault = self.fault
        if fault is None:
            return
        if fault.kind == "status":
            self.say(fault.status, b"", fault.headers)
            raise Gone
        if fault.kind == "garbage":
            self.say(200, b"<html>Please log in to the network.</html>", {}, "text/html")
            raise Gone
        if fault.kind == "redirect":
            self.say(302, b"", {"Location": fault.where})
            raise Gone
        if fault.after is None:
            self.go_wrong(fault)

    def go_wrong(self, fault: Fault) -> None:
        if fault.kind == "hang":
            self.hub.over.wait()
            raise Gone
        if fault.kind == "drop":
            self.connection.shutdown(2)
            raise Gone

    def allowed(self, repo: str, *, files: bool) -> Repository:
        """The repository, if who asks may have it."""
        found = self.hub.repositories.get(repo)
        token = self.headers.get("authorization", "").removeprefix("Bearer ") or None
        if token is not None and token not in self.hub.tokens:
            message = "Invalid credentials in Authorization header"
            raise Refused(401, X_Error_Message=message)
        opens = repo in self.hub.tokens.get(token or "", ())
        if found is None or (found.private and not opens):
            raise Refused(404 if token else 401, "RepoNotFound")
        if found.gated and files and not opens:
            raise Refused(403 if token else 401, "GatedRepo")
        return found

    def api(self, repo: str, part: str | None, revision: str, query: dict[str, list[str]]) -> None:
        found = self.allowed(repo, files=False)
        if revision.split("/")[0] not in ("main", found.commit):
            raise Refused(404, "RevisionNotFound")
        if part == "tree":
            self.say_json([listed(name, file) for name, file in found.files.items()])
        else:
            self.say_json(described(repo, found, blobs="blobs" in query))

    def resolve(self, repo: str, revision: str, name: str) -> None:
        found = self.allowed(repo, files=True)
        if revision not in ("main", found.commit):
            raise Refused(404, "RevisionNotFound")
        file = found.files.get(name)
        if file is None:
            raise Refused(404, "EntryNotFound")
        headers = {"X-Repo-Commit": found.commit, "ETag": f'"{file.git}"'}
        if file.sha256 is None:
            self.send_file(file, headers)
        else:
            headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
            place = f"{self.hub.cdn}/cdn/{file.sha256}/{repo}/{name}?signature=of-the-hub"
            self.say(302, b"", {**headers, "Location": place})

    def cdn(self, path: str) -> None:
        if self.headers.get("authorization"):
            raise Refused(400)
        sha256 = path.split("/")[2]
        kept = (file for r in self.hub.repositories.values() for file in r.files.values())
        file = next((file for file in kept if file.sha256 == sha256), None)
        if file is None:
            raise Refused(404)
        self.send_file(file, {"ETag": f'"{sha256}"'})

    def send_file(self, file: Stored, headers: dict[str, str]) -> None:
        content, start, status = file.path.read_bytes(), 0, 200
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        if wanted and not (self.fault and self.fault.kind == "no_ranges"):
            start = int(wanted[1])
            end = min(int(wanted[2] or file.size - 1), file.size - 1)
            if start >= file.size:
                raise Refused(416, Content_Range=f"bytes */{file.size}")
            headers = {**headers, "Content-Range": f"bytes {start}-{end}/{file.size}"}
            content, status = content[start : end + 1], 206
        if self.fault and self.fault.kind == "corrupt":
            content = bytes(byte ^ 0x5A for byte in content)
        if self.fault and self.fault.kind == "truncate":
            content = content[: self.fault.after or 0]
        self.say(status, content, {**headers, "Accept-Ranges": "bytes"})

    def say_json(self, content: object) -> None:
        self.say(200, json.dumps(content).encode(), {}, "application/json")

    def say(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str],
        kind: str = "application/octet-stream",
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(body)

    def send_body(self, body: bytes) -> None:
        fault, sent = self.fault, 0
        slow = fault is not None and fault.kind == "slow"
        stop = fault.after if fault and fault.kind in ("hang", "drop") else None
        while sent < len(body):
            piece = max(1, fault.rate // 50) if fault and slow else PIECE
            end = min(len(body), sent + piece)
            if stop is not None:
                end = min(end, stop)
            self.wfile.write(body[sent:end])
            sent = end
            if fault and stop is not None and sent >= stop:
                self.wfile.flush()
                self.go_wrong(fault)
            if slow and self.hub.over.wait(1 / 50):
                raise Gone
