"""What can keep a pretrained model from coming: one class per cause, each saying what to do."""

from aigc_core.errors import ModelUnavailable, size
from aigc_core.hub.settings import DEFAULT
from aigc_core.tasks import brief
from aigc_core.text import Text


class HubError(ModelUnavailable):
    """A model of the hub cannot be had.

    Args:
        repo: `org/name`.
        why: the rest of the sentence, in both languages.
    """

    def __init__(self, repo: str, why: Text) -> None:
        self.repo = repo
        super().__init__(repo, why)


class Gated(HubError):
    """Its makers want their terms accepted first.

    Args:
        link: the page where that is done.
    """

    def __init__(self, repo: str, link: str = "") -> None:
        self.link = link or f"{DEFAULT}/{repo}"
        why = Text(
            "its makers ask you to accept their terms. Open {link}, accept them, then set "
            "HF_TOKEN to a token of that account and try again.",
            "作者要求先接受其使用条款。请打开 {link} 接受条款，"
            "再将 HF_TOKEN 设为该账号的令牌，然后重试。",
        )
        super().__init__(repo, why.fill(link=self.link))


class BadToken(HubError):
    """The hub does not accept the token that was sent."""

    def __init__(self, repo: str) -> None:
        why = Text(
            "the hub does not accept your token for it. Make a new one with read access at "
            "{link} and set HF_TOKEN to it, or remove the token.",
            "Hub 不接受你的令牌。请在 {link} 新建具有读取权限的令牌并设为 HF_TOKEN，"
            "或移除现有令牌。",
        )
        super().__init__(repo, why.fill(link=f"{DEFAULT}/settings/tokens"))


class NotFound(HubError):
    """There is no such repository, commit or file, or it is private.

    Args:
        what: the commit or the file that is missing; empty for the repository itself.
    """

    def __init__(self, repo: str, what: str = "") -> None:
        self.what = what
        missing = Text(
            "the hub has no {what} of it. Check the name and the revision.",
            "Hub 上的该仓库没有 {what}。请检查名称和版本。",
        )
        nowhere = Text(
            "the hub has no such repository, or it is private. Check the name; for a private "
            "one set HF_TOKEN.",
            "Hub 上没有该仓库，或它是私有的。请检查名称；私有仓库请设置 HF_TOKEN。",
        )
        super().__init__(repo, missing.fill(what=what) if what else nowhere)


class Offline(HubError):
    """Downloads are switched off, and it is not complete on the disk."""

    def __init__(self, repo: str) -> None:
        super().__init__(
            repo,
            Text(
                "it is not on this machine, and downloads are switched off. Unset HF_HUB_OFFLINE "
                "and TRANSFORMERS_OFFLINE to allow them.",
                "本机没有该模型，且下载已关闭。"
                "如需下载，请取消 HF_HUB_OFFLINE 和 TRANSFORMERS_OFFLINE。",
            ),
        )


class Unreachable(HubError):
    """The hub does not answer: no network, no such host, refused, or too slow.

    Args:
        host: that was asked.
    """

    def __init__(self, repo: str, host: str) -> None:
        self.host = host
        why = Text(
            "{host} cannot be reached. Check the network and the proxy, or set HF_ENDPOINT to a "
            "mirror.",
            "无法连接 {host}。请检查网络和代理，或将 HF_ENDPOINT 设为镜像站。",
        )
        super().__init__(repo, why.fill(host=host))


class Dropped(HubError):
    """The connection broke again and again in the middle of the download."""

    def __init__(self, repo: str) -> None:
        super().__init__(
            repo,
            Text(
                "the connection broke again and again. Try again later: the download goes on "
                "where it stopped.",
                "连接反复中断。请稍后重试：下载会从中断处继续。",
            ),
        )


class Stalled(HubError):
    """Nothing came for a long time.

    Args:
        seconds: how long.
    """

    def __init__(self, repo: str, seconds: float) -> None:
        self.seconds = seconds
        why = Text(
            "nothing came for {seconds} s. Try again: the download goes on where it stopped.",
            "已有 {seconds} 秒没有收到数据。请重试：下载会从中断处继续。",
        )
        super().__init__(repo, why.fill(seconds=f"{seconds:.0f}"))


class RateLimited(HubError):
    """The hub wants fewer requests.

    Args:
        seconds: after which it may be asked again.
    """

    def __init__(self, repo: str, seconds: float) -> None:
        self.seconds = seconds
        why = Text(
            "the hub has had too many requests from here. Try again in {seconds} s; with a token "
            "in HF_TOKEN it allows more.",
            "来自本机的请求过多。请在 {seconds} 秒后重试；设置 HF_TOKEN 可提高限额。",
        )
        super().__init__(repo, why.fill(seconds=f"{seconds:.0f}"))


class HubBroken(HubError):
    """The hub answers with an error of its own.

    Args:
        status: of HTTP; 0 for an answer that makes no sense.
    """

    def __init__(self, repo: str, status: int = 0) -> None:
        self.status = status
        code = Text(
            "the hub answers with error {status}. Try again later; a mirror can be set in "
            "HF_ENDPOINT.",
            "Hub 返回错误 {status}。请稍后重试；也可用 HF_ENDPOINT 指定镜像站。",
        )
        nonsense = Text(
            "the hub's answer makes no sense. Try again later; if HF_ENDPOINT is set, check "
            "that a hub answers there.",
            "Hub 的回应无法理解。请稍后重试；如设置了 HF_ENDPOINT，请确认该地址提供 Hub 服务。",
        )
        super().__init__(repo, code.fill(status=status) if status else nonsense)


class Disturbed(HubError):
    """A finished file went away, or changed, before it could be put to use.

    Args:
        file: its name in the repository.
    """

    def __init__(self, repo: str, file: str) -> None:
        self.file = file
        why = Text(
            "{file} was changed or deleted while the model was being downloaded. Try again.",
            "{file} 在下载过程中被修改或删除。请重试。",
        )
        super().__init__(repo, why.fill(file=file))


class Corrupt(HubError):
    """A file's bytes are not the published ones, also after a second download.

    Args:
        file: its name in the repository.
    """

    def __init__(self, repo: str, file: str) -> None:
        self.file = file
        why = Text(
            "{file} is damaged: its content is not what was published. Delete the model from "
            "the disk and download it again, from another network or mirror if need be.",
            "{file} 已损坏：内容与发布的不符。请删除该模型后重新下载，必要时更换网络或镜像站。",
        )
        super().__init__(repo, why.fill(file=file))


class DiskFull(HubError):
    """The disk has no room for it.

    Args:
        needs: bytes that are still to come, and what must stay free.
        free: bytes that are free.
    """

    def __init__(self, repo: str, needs: int, free: int) -> None:
        self.needs, self.free = needs, free
        why = Text(
            "the disk is full: it needs {needs}, {free} free. Delete models that you do not "
            "need, or set HF_HOME to a larger disk.",
            "磁盘空间不足：需要 {needs}，可用 {free}。"
            "请删除不需要的模型，或将 HF_HOME 设到更大的磁盘。",
        )
        super().__init__(repo, why.fill(needs=size(needs), free=size(free)))


class NotWritable(HubError):
    """The folder of downloads cannot be written.

    Args:
        folder: which one.
    """

    def __init__(self, repo: str, folder: str) -> None:
        self.folder = folder
        why = Text(
            "{folder} cannot be written. Mend its permissions, or set HF_HOME to another folder.",
            "无法写入 {folder}。请修改其权限，或将 HF_HOME 设为其他文件夹。",
        )
        super().__init__(repo, why.fill(folder=folder))


class UnsafeRepository(HubError):
    """Loading it would mean to run code from the repository, or to unpickle.

    Args:
        reason: what was found there.
    """

    def __init__(self, repo: str, reason: Text) -> None:
        self.reason = reason
        why = Text(
            "{reason} Only safetensors are loaded here, and no code from repositories is run. "
            "Choose another repository.",
            "{reason}这里只加载 safetensors，也不运行仓库中的代码。请换一个仓库。",
        )
        super().__init__(repo, why.fill(reason=reason))


class Unsupported(HubError):
    """It is a kind of model that cannot be run here.

    Args:
        kind: what it is, in the words of its files; or why nobody can tell.
    """

    def __init__(self, repo: str, kind: str | Text) -> None:
        self.kind = kind
        if isinstance(kind, str):
            kind = Text("it is {kind}", "它是 {kind}").fill(kind=brief(kind))
        why = Text(
            "{what}; text models (…ForCausalLM) and text-to-image pipelines of diffusers can be "
            "run here.",
            "{what}；这里可运行文本模型（…ForCausalLM）和 diffusers 的文生图管线。",
        )
        super().__init__(repo, why.fill(what=kind))
