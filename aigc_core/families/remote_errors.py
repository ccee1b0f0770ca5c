"""What can go wrong with a model on another server: one class per cause, each saying what to do."""

from typing import Any

from aigc_core.errors import ModelUnavailable
from aigc_core.text import Text


class RemoteError(ModelUnavailable):
    """A model on another server cannot answer.

    Args:
        model: its id in the catalog.
        host: the server.
        why: the rest of the sentence, in both languages.
        values: for the names in it, beside `{host}`.
    """

    def __init__(self, model: str, host: str, why: Text, **values: Any) -> None:
        self.host = host
        super().__init__(model, why.fill(host=host, **values))


class ServerUnknown(RemoteError):
    """The catalog takes the server's address from the environment, and it is not there.

    Args:
        name: the variable.
    """

    def __init__(self, model: str, name: str) -> None:
        self.name = name
        why = Text(
            "it runs on a server whose address is not known here. Set {name} to it, such as "
            "http://127.0.0.1:8000/v1.",
            "它运行在另一台服务器上，但此处不知道地址。"
            "请设置 {name}，例如 http://127.0.0.1:8000/v1。",
        )
        super().__init__(model, "", why, name=name)


class TokenMissing(RemoteError):
    """The server's token is to be in the environment, and is not.

    Args:
        name: the variable.
    """

    def __init__(self, model: str, host: str, name: str) -> None:
        self.name = name
        why = Text("{host} wants a token. Set {name} to it.", "{host} 需要令牌。请设置 {name}。")
        super().__init__(model, host, why, name=name)


class ForeignToken(RemoteError):
    """A token of Hugging Face would go to another host."""

    def __init__(self, model: str, host: str) -> None:
        why = Text(
            "a token of Hugging Face does not belong to {host} and is not sent there. Name the "
            "variable with that server's own token in the catalog.",
            "Hugging Face 的令牌不属于 {host}，不会发送给它。"
            "请在模型目录中填写存放该服务器自身令牌的变量。",
        )
        super().__init__(model, host, why)


class ServerUnreachable(RemoteError):
    """Nobody answers: no network, no such host, refused, or too slow to connect."""

    def __init__(self, model: str, host: str) -> None:
        why = Text(
            "{host} cannot be reached. Check that the server runs, and the address.",
            "无法连接 {host}。请检查服务器是否在运行，以及地址是否正确。",
        )
        super().__init__(model, host, why)


class ServerSilent(RemoteError):
    """The server took the request and then said nothing for too long."""

    def __init__(self, model: str, host: str) -> None:
        why = Text(
            "{host} has been silent for too long. It may be overloaded: try again later, or ask "
            "for less.",
            "{host} 太久没有响应，可能负载过高：请稍后再试，或减少请求量。",
        )
        super().__init__(model, host, why)


class TokenRefused(RemoteError):
    """The server does not accept the token, or wants one."""

    def __init__(self, model: str, host: str) -> None:
        why = Text(
            "{host} does not let us in. Check the token that the catalog names for it.",
            "{host} 拒绝访问。请检查模型目录中为它指定的令牌。",
        )
        super().__init__(model, host, why)


class NotServed(RemoteError):
    """The server does not have the model, or not under this address.

    Args:
        served: its name there.
    """

    def __init__(self, model: str, host: str, served: str) -> None:
        self.served = served
        why = Text(
            "{host} has no model called “{served}”. Check its name there, and the address.",
            "{host} 上没有名为“{served}”的模型。请检查名称和地址。",
        )
        super().__init__(model, host, why, served=served)


class ServerBusy(RemoteError):
    """The server takes no more requests for a while.

    Args:
        seconds: to wait, as it says; None where it does not.
    """

    def __init__(self, model: str, host: str, seconds: float | None = None) -> None:
        self.seconds = seconds
        wait = (
            Text("a minute", "一分钟")
            if seconds is None
            else Text("{n:.0f} s", " {n:.0f} 秒").fill(n=max(1.0, seconds))
        )
        why = Text(
            "{host} takes no more requests now. Try again in {wait}.",
            "{host} 暂不接受更多请求。请{wait}后再试。",
        )
        super().__init__(model, host, why, wait=wait)


class RequestRefused(RemoteError):
    """The server refuses this request; mostly it is too long, or a setting is unknown there.

    Args:
        said: its own words, short and without markup.
    """

    def __init__(self, model: str, host: str, said: str) -> None:
        self.said = said
        why = Text(
            "{host} refuses the request: “{said}” Change the settings, or ask for less.",
            "{host} 拒绝了请求：“{said}”请更改设置，或减少请求量。",
        )
        super().__init__(model, host, why, said=said)


class ServerBroken(RemoteError):
    """Something broke on the server.

    Args:
        said: its status, or its own words.
    """

    def __init__(self, model: str, host: str, said: str) -> None:
        self.said = said
        why = Text(
            "something broke on {host} ({said}). Try again later, or tell those who run it.",
            "{host} 出错（{said}）。请稍后再试，或通知其管理员。",
        )
        super().__init__(model, host, why, said=said)


class StreamBroken(RemoteError):
    """The connection ended before the answer did."""

    def __init__(self, model: str, host: str) -> None:
        why = Text(
            "the connection to {host} broke in the middle of the answer. Try again.",
            "与 {host} 的连接在应答中途断开。请重试。",
        )
        super().__init__(model, host, why)


class Malformed(RemoteError):
    """The answer is not what such a server says."""

    def __init__(self, model: str, host: str) -> None:
        why = Text(
            "{host} does not answer as such a server does. Check the address.",
            "{host} 的应答不符合协议。请检查地址。",
        )
        super().__init__(model, host, why)
