"""A server that speaks OpenAI's protocol and that of inference endpoints, with faults."""

import io
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

WORDS = ("Once", " upon", " a", " time", " 从前", "。")


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Behaviour:
    """How the server answers.

    Args:
        ways: the paths that it has.
        status: of every answer; other than 200, with `said` as its body and `headers`.
        said: the body of an error.
        words: what it writes, one event each.
        end: the reason of the last event; none is sent where it is empty.
        pause: seconds before each word.
        fault: `drop` resets the connection after the second word, `cut` ends there, `silent` says
            nothing after it, `deaf` nothing at all, `garbage` answers with a page of HTML, `error`
            tells one in the middle.
        picture: bytes to answer with instead of a picture.
    """

    ways: tuple[str, ...] = ("/v1/completions", "/v1/chat/completions", "/draw")
    status: int = 200
    said: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = WORDS
    end: str = "stop"
    pause: float = 0.0
    fault: str = ""
    picture: bytes = b""


class Server(ThreadingHTTPServer):
    """It answers as its behaviour says, and keeps what it was asked.

    Args:
        hung_up: set when a client left in the middle of an answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = Behaviour()
        self.asked: list[Asked] = []
        self.hung_up = threading.Event()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Tests have their own words."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.path, headers, body))
        how = self.server.behaviour
        if how.fault == "deaf":
            self.wait_for_the_end()
        elif self.path not in how.ways:
            self.answer(404, b'{"detail": "Not Found"}', "application/json", {})
        elif how.status != 200:
            self.answer(how.status, how.said.encode(), "application/json", how.headers)
        elif how.fault == "garbage":
            self.answer(200, b"<html>data: no</html>\n\ndata: <html>\n\n", "text/html", {})
        elif self.path == "/draw":
            self.draw(body, how)
        else:
            self.write(how)

    def answer(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def draw(self, body: dict[str, Any], how: Behaviour) -> None:
        """A picture of its seed: the same wish gives the same one."""
        wish = body["parameters"]
        if self.pause(how.pause):
            return
        rng = np.random.default_rng(wish["seed"])
        pixels = rng.integers(0, 256, (wish["height"], wish["width"], 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        self.answer(200, how.picture or file.getvalue(), "image/png", {})

    def write(self, how: Behaviour) -> None:
        """Server-sent events, one for each word, until the client has gone."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            for count, word in enumerate(how.words):
                if count == 2 and how.fault:
                    return self.fail(how.fault)
                if self.pause(how.pause):
                    return None
                self.event(word, None)
            if how.end:
                self.event("", how.end)
                self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.server.hung_up.set()
        return None

    def event(self, word: str, end: str | None) -> None:
        chat = self.path.endswith("/chat/completions")
        text = {"delta": {"role": "assistant", "content": word}} if chat else {"text": word}
        event = {
            "id": "1",
            "created": 0,
            "model": "tiny",
            "system_fingerprint": "",
            "choices": [{"index": 0, "finish_reason": end, **text}],
        }
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def fail(self, fault: str) -> None:
        if fault == "drop":
            # Closed without waiting, the connection is reset.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        elif fault == "error":
            self.wfile.write(b'data: {"error": {"message": "CUDA {went} away"}}\n\n')
        elif fault == "silent":
            self.wait_for_the_end()

    def pause(self, seconds: float) -> bool:
        """Waits; whether the client left meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.left(min(0.02, seconds)):
                return True
        return False

    def wait_for_the_end(self) -> None:
        while not self.server.closing.is_set() and not self.left(0.02):
            pass

    def left(self, seconds: float) -> bool:
        """Whether the client has gone; a client that has not says nothing more."""
        self.connection.settimeout(seconds)
        try:
            gone = not self.connection.recv(1)
        except TimeoutError:
            return False
        except OSError:
            gone = True
        finally:
            self.connection.settimeout(None)
        if gone:
            self.server.hung_up.set()
        return gone


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
