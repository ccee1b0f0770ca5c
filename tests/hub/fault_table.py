"""Every way in which a download fails, and what becomes of it: for the tests, and for the reader.

`python -m tests.hub.fault_table` writes docs/faults.md.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aigc_core.hub import disk, errors
from aigc_core.text import Text
from tests.hub.fixtures import log_in
from tests.hub.models import REPO
from tests.hub.server import HubServer

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
WEIGHTS = "/cdn/*/model.safetensors"
API = "/api/models/*"


@dataclass
class Scene:
    """A hub that serves a small model, whose repository lies in a folder."""

    hub: HubServer
    patch: pytest.MonkeyPatch
    folder: Path

    def serve(self, **about: object) -> None:
        """Serves the folder again, as it is now."""
        self.hub.add(REPO, self.folder, **about)


@dataclass(frozen=True)
class Row:
    """A fault, and what becomes of the download.

    Args:
        arrange: lets it happen.
        outcome: the error; None where the model arrives all the same.
        does: what the download does about it.
    """

    id: str
    what: Text
    arrange: Callable[[Scene], object]
    outcome: type[errors.HubError] | None
    does: Text


def pickled(scene: Scene) -> None:
    (scene.folder / "model.safetensors").unlink()
    scene.serve()


def bad_token(scene: Scene) -> None:
    log_in(scene.hub, scene.patch)
    scene.hub.tokens.clear()


def gated_for(scene: Scene) -> None:
    log_in(scene.hub, scene.patch)
    scene.serve(gated=True)


def mirror_gated(scene: Scene) -> None:
    scene.serve(gated=True)
    scene.hub.fault("status", "*/resolve/*", status=403)


def nowhere(scene: Scene) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scene.patch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")


def no_such_host(scene: Scene) -> None:
    def look_up(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    scene.patch.setattr(socket, "getaddrinfo", look_up)
    scene.patch.setenv("HF_ENDPOINT", "http://hub.invalid")


def behind_a_file(scene: Scene) -> None:
    file = scene.folder.parent / "file"
    file.write_text("no folder")
    scene.patch.setenv("HF_HOME", str(file))


GOES_ON = Text("goes on where it stopped", "从中断处继续")
WAITS = Text("waits as long as the hub says, then goes on", "按 Hub 要求的时间等待后继续")
AT_ONCE = Text("ends at once", "立即结束")
KEEPS = Text("tries again, then ends; what came is kept", "多次重试后结束，保留已下载部分")
ANEW = Text("fetches the file once more", "重新获取该文件")

ROWS = (
    Row(
        "gated",
        Text("gated, without a token", "需同意条款，未提供令牌"),
        lambda scene: scene.serve(gated=True),
        errors.Gated,
        AT_ONCE,
    ),
    Row(
        "gated-token",
        Text("gated, and the account has not accepted", "需同意条款，账号尚未接受"),
        gated_for,
        errors.Gated,
        AT_ONCE,
    ),
    Row(
        "gated-mirror",
        Text("gated, and a mirror does not say why (403)", "需同意条款，镜像站未说明原因（403）"),
        mirror_gated,
        errors.Gated,
        AT_ONCE,
    ),
    Row(
        "bad-token",
        Text("the token is wrong (401)", "令牌无效（401）"),
        bad_token,
        errors.BadToken,
        AT_ONCE,
    ),
    Row(
        "missing",
        Text("no such repository (401, 404)", "仓库不存在（401、404）"),
        lambda scene: scene.hub.repositories.clear(),
        errors.NotFound,
        AT_ONCE,
    ),
    Row(
        "busy",
        Text("429 with Retry-After", "429 且带 Retry-After"),
        lambda scene: scene.hub.fault(
            "status", API, times=1, status=429, headers={"Retry-After": "1"}
        ),
        None,
        WAITS,
    ),
    Row(
        "rate-limited",
        Text("429 with a long Retry-After", "429 且 Retry-After 很长"),
        lambda scene: scene.hub.fault("status", status=429, headers={"Retry-After": "900"}),
        errors.RateLimited,
        Text("ends at once and says when to come back", "立即结束，并告知何时重试"),
    ),
    Row(
        "hiccup",
        Text("503 twice", "两次 503"),
        lambda scene: scene.hub.fault("status", WEIGHTS, times=2, status=503),
        None,
        Text("tries again", "重试"),
    ),
    Row(
        "broken",
        Text("503 always", "始终 503"),
        lambda scene: scene.hub.fault("status", WEIGHTS, status=503),
        errors.HubBroken,
        KEEPS,
    ),
    Row(
        "link-expired",
        Text("a link to the files' server has expired (403)", "文件服务器的链接已过期（403）"),
        lambda scene: scene.hub.fault("status", WEIGHTS, times=1, status=403),
        None,
        Text("asks for a new link", "重新获取链接"),
    ),
    Row(
        "dropped-once",
        Text("connection dropped once", "连接中断一次"),
        lambda scene: scene.hub.fault("drop", WEIGHTS, times=1, after=50_000),
        None,
        GOES_ON,
    ),
    Row(
        "dropped-twice",
        Text("connection dropped twice", "连接中断两次"),
        lambda scene: scene.hub.fault("drop", WEIGHTS, times=2, after=50_000),
        None,
        GOES_ON,
    ),
    Row(
        "dropped",
        Text("connection always dropped", "连接始终中断"),
        lambda scene: scene.hub.fault("drop", WEIGHTS),
        errors.Dropped,
        KEEPS,
    ),
    Row(
        "truncated-once",
        Text("an answer is too short", "响应内容不完整"),
        lambda scene: scene.hub.fault("truncate", WEIGHTS, times=1, after=70_000),
        None,
        GOES_ON,
    ),
    Row(
        "truncated",
        Text("every answer is too short", "每次响应都不完整"),
        lambda scene: scene.hub.fault("truncate", WEIGHTS, after=0),
        errors.Dropped,
        KEEPS,
    ),
    Row(
        "no-ranges",
        Text("the server cannot resume", "服务器不支持断点续传"),
        lambda scene: (
            scene.hub.fault("drop", WEIGHTS, times=1, after=50_000),
            scene.hub.fault("no_ranges", WEIGHTS),
        ),
        None,
        Text("starts the file over", "从头下载该文件"),
    ),
    Row(
        "corrupt-once",
        Text("wrong bytes of the right length", "长度正确但内容错误"),
        lambda scene: scene.hub.fault("corrupt", WEIGHTS, times=1),
        None,
        ANEW,
    ),
    Row(
        "corrupt",
        Text("wrong bytes, every time", "内容始终错误"),
        lambda scene: scene.hub.fault("corrupt", WEIGHTS),
        errors.Corrupt,
        Text("fetches once more, then ends; nothing wrong stays", "重试一次后结束，不保留错误内容"),
    ),
    Row(
        "hangs-once",
        Text("a connection goes silent", "某个连接无响应"),
        lambda scene: scene.hub.fault("hang", WEIGHTS, times=1, after=50_000),
        None,
        Text("opens another, goes on where it stopped", "另开连接，从中断处继续"),
    ),
    Row(
        "hangs",
        Text("nothing comes any more", "不再有数据"),
        lambda scene: scene.hub.fault("hang", WEIGHTS),
        errors.Stalled,
        Text("ends after 30 s; what came is kept", "30 秒后结束，保留已下载部分"),
    ),
    Row(
        "preflight-hangs",
        Text("the hub accepts, then says nothing", "Hub 接受连接但不响应"),
        lambda scene: scene.hub.fault("hang", API),
        errors.Unreachable,
        Text("ends within 5 s", "5 秒内结束"),
    ),
    Row(
        "refused",
        Text("connection refused", "连接被拒绝"),
        nowhere,
        errors.Unreachable,
        AT_ONCE,
    ),
    Row(
        "no-network",
        Text("no network, or no such host", "没有网络或主机不存在"),
        no_such_host,
        errors.Unreachable,
        AT_ONCE,
    ),
    Row(
        "portal",
        Text("a login page answers in place of the hub", "登录页面代替了 Hub 的响应"),
        lambda scene: scene.hub.fault("garbage", API),
        errors.HubBroken,
        AT_ONCE,
    ),
    Row(
        "offline",
        Text("HF_HUB_OFFLINE=1", "HF_HUB_OFFLINE=1"),
        lambda scene: scene.patch.setenv("HF_HUB_OFFLINE", "1"),
        errors.Offline,
        Text("ends at once, asks nobody", "立即结束，不访问网络"),
    ),
    Row(
        "disk-full",
        Text("the disk is full", "磁盘已满"),
        lambda scene: scene.patch.setattr(disk, "free_bytes", lambda folder: 1_000_100_000),
        errors.DiskFull,
        Text("ends before it begins", "下载开始前结束"),
    ),
    Row(
        "not-writable",
        Text("the folder cannot be written", "文件夹不可写"),
        behind_a_file,
        errors.NotWritable,
        AT_ONCE,
    ),
    Row(
        "pickle",
        Text("weights only as pickle", "只有 pickle 格式的权重"),
        pickled,
        errors.UnsafeRepository,
        Text("downloads nothing of it", "不下载"),
    ),
)


def page() -> str:
    """The table as Markdown."""
    lines = [
        "# When a download fails · 下载出错时",
        "",
        "Each row runs against a hub on loopback: `python -m pytest tests/hub/test_faults.py`.",
        "每一行都在本机模拟的 Hub 上实测。",
        "",
        "| Fault | 故障 | What the download does | 处理方式 | Outcome |",
        "|---|---|---|---|---|",
    ]
    for row in ROWS:
        outcome = f"`{row.outcome.__name__}`" if row.outcome else "arrives · 下载成功"
        cells = (row.what.en, row.what.zh, row.does.en, row.does.zh, outcome)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    print(PAGE)
