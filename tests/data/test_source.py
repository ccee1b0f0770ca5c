import gzip
import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data import mnist, source
from aigc_core.data.mnist import FILES, is_here, load_mnist, read_idx
from aigc_core.data.source import DataFile, open_file
from aigc_core.errors import CorruptFile, DatasetMissing

CONTENT = b"a small dataset " * 100
NAME = "some/set.bin.gz"
Reply = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers every request as it is told, and counts them."""

    reply: Reply
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.reply(self)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.asked = []
    made.reply = sends(gzip.compress(CONTENT))
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our own folder, empty, and no other."""
    monkeypatch.delenv("AIGC_DATA_DIR", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(source, "TIMEOUT", 5.0)
    return tmp_path / "cache" / "data"


def sends(content: bytes, status: int = 200, length: int | None = None) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    return reply


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def home(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/sets/"


def file(*homes: str, content: bytes = CONTENT) -> DataFile:
    return DataFile(NAME, hashlib.sha256(content).hexdigest(), homes)


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_fetched_verified_and_kept(server: Server, cache: Path):
    wanted = file(home(server))
    assert wanted.path() is None
    assert open_file(wanted) == CONTENT
    assert server.asked == ["/sets/set.bin.gz"]
    assert left(cache) == [cache / NAME]
    assert wanted.path() == cache / NAME
    assert open_file(wanted) == CONTENT
    assert len(server.asked) == 1


def test_a_file_that_was_packed_again_is_as_good(cache: Path):
    (cache / NAME).parent.mkdir(parents=True)
    (cache / NAME).write_bytes(gzip.compress(CONTENT, compresslevel=1, mtime=5))
    assert open_file(file()) == CONTENT


def test_the_data_folder_goes_before_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIGC_DATA_DIR", str(tmp_path / "given"))
    for folder in (cache, tmp_path / "given"):
        (folder / NAME).parent.mkdir(parents=True)
        (folder / NAME).write_bytes(gzip.compress(CONTENT))
        assert file().path() == folder / NAME
    (tmp_path / "given" / NAME).unlink()
    assert open_file(file()) == CONTENT


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(b"other bytes"),
        CONTENT,
        b"",
        gzip.compress(CONTENT)[:-9],
        gzip.compress(CONTENT)[:12] + b"\xff" * 40,
        b"<html>404</html>",
    ],
    ids=["other", "not packed", "empty", "cut off", "damaged", "a page"],
)
def test_wrong_bytes_leave_nothing_behind(packed: bytes, server: Server, cache: Path):
    server.reply = sends(packed)
    with pytest.raises(DatasetMissing) as caught:
        open_file(file(home(server)))
    assert NAME in caught.value.text.en
    assert NAME in caught.value.text.zh
    assert isinstance(caught.value.__cause__, CorruptFile)
    assert left(cache) == []


def test_wrong_bytes_on_the_disk_are_refused(cache: Path):
    (cache / NAME).parent.mkdir(parents=True)
    (cache / NAME).write_bytes(gzip.compress(b"other bytes"))
    with pytest.raises(CorruptFile):
        open_file(file())


@pytest.mark.parametrize(
    "reply",
    [
        sends(b"gone", 404),
        sends(b"busy", 503),
        sends(gzip.compress(CONTENT)[:20], length=10_000),
        sends(gzip.compress(b"other bytes")),
        hangs_up,
    ],
    ids=["404", "503", "cut off", "wrong bytes", "silence"],
)
def test_a_home_that_fails_is_followed_by_the_next(reply: Reply, server: Server, cache: Path):
    def first_fails(handler: BaseHTTPRequestHandler) -> None:
        (reply if "/bad/" in handler.path else sends(gzip.compress(CONTENT)))(handler)

    server.reply = first_fails
    bad = f"http://127.0.0.1:{server.server_port}/bad/"
    assert open_file(file(bad, home(server))) == CONTENT
    server.asked.clear()
    (cache / NAME).unlink()
    with pytest.raises(DatasetMissing) as caught:
        open_file(file(bad, bad))
    assert len(server.asked) == 2
    assert NAME in caught.value.text.zh
    assert left(cache) == []


def test_no_server_is_told_in_a_sentence(server: Server, cache: Path):
    nowhere = home(server)
    server.shutdown()
    server.server_close()
    with pytest.raises(DatasetMissing, match="do not answer"):
        open_file(file(nowhere))
    with pytest.raises(DatasetMissing):
        open_file(file())
    assert left(cache) == []


@pytest.mark.parametrize("how", ["1", "true", "not to be fetched"])
def test_nothing_is_fetched_when_it_should_not_be(
    how: str, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    allowed = how != "not to be fetched"
    if allowed:
        monkeypatch.setenv("HF_HUB_OFFLINE", how)
    with pytest.raises(DatasetMissing, match="AIGC_DATA_DIR"):
        open_file(file(home(server)), download=allowed)
    assert server.asked == []


def test_offline_what_is_there_is_read(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (cache / NAME).parent.mkdir(parents=True)
    (cache / NAME).write_bytes(gzip.compress(CONTENT))
    assert open_file(file()) == CONTENT


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5), (0, 2)])
def test_idx_is_read(shape: tuple[int, ...]):
    values = np.arange(int(np.prod(shape)), dtype=np.uint8).reshape(shape)
    header = b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    found = read_idx(header + values.tobytes())
    assert np.array_equal(found, values)
    assert found.flags.writeable


@pytest.mark.parametrize("content", [b"", b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", b"PK\x03\x04"])
def test_other_content_is_no_idx(content: bytes):
    with pytest.raises(ValueError, match="IDX"):
        read_idx(content)


def test_mnist_is_here_when_all_its_files_are(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIGC_DATA_DIR", str(tmp_path))
    names = [entry.name for files in FILES.values() for entry in files]
    assert len(set(names)) == 4
    for name in names:
        assert not is_here()
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert is_here()


def test_mnist_that_is_missing_says_so(cache: Path):
    with pytest.raises(DatasetMissing, match="train-images"):
        load_mnist("train", download=False)


@pytest.mark.skipif(not is_here(), reason="MNIST is not on this machine")
def test_mnist_has_its_published_shapes_and_counts():
    train, test = load_mnist("train", download=False), load_mnist("test", download=False)
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert (len(train), len(test)) == (60_000, 10_000)
    for digits in (train, test):
        assert digits.images.dtype == np.uint8
        assert digits.labels.dtype == np.int64
        assert (digits.images.min(), digits.images.max()) == (0, 255)
        # Paper is 0 and ink is 255: there is more paper.
        assert digits.images.mean() < 64
    config = json.loads((CHECKPOINTS / "dcgan-mnist" / "config.json").read_text())
    assert np.bincount(train.labels).tolist() == config["class_counts"]
    assert mnist.LICENCE.startswith("CC")
