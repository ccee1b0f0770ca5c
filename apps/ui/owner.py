"""Who may manage the models of this machine: whoever sits at it.

The server is asked from everywhere; its owner asks from the machine itself. A proxy on the same
machine asks from there too, on behalf of strangers, and so does a page of another site whose name
was made to point here. So the address, the absence of a proxy's marks, and the names in `Host` and
`Origin` must all say that it is the owner. A proxy that leaves no mark at all cannot be told from
the owner's own browser: behind one, set `AIGC_OWNER=nobody`.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Any, Protocol

from aigc_core.errors import AigcError
from aigc_core.text import Text

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d+)?")
# What proxies add, beside everything that begins with `x-forwarded`.
MARKS = frozenset(
    {
        "cf-connecting-ip",
        "fly-client-ip",
        "forwarded",
        "true-client-ip",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-envoy-external-address",
        "x-original-forwarded-for",
        "x-original-host",
        "x-real-ip",
    }
)


class Asking(Protocol):
    """As much of a request as is looked at; Gradio's and Starlette's have it."""

    @property
    def client(self) -> Any: ...

    @property
    def headers(self) -> Any: ...


class NotTheOwner(AigcError):
    """Somebody else asked for what only the owner may do."""

    def __init__(self) -> None:
        elsewhere = Text(
            "Only the owner of this machine may do that: open this page on the machine itself, "
            "at the address that it printed when it started.",
            "只有这台机器的主人可以这样做：请在本机上打开它启动时显示的地址。",
        )
        nowhere = Text(
            "That cannot be done from this page: its host has switched it off.",
            "此页不能这样做：该功能已由主机关闭。",
        )
        super().__init__(elsewhere if has_owner() else nowhere)


def is_owner(web: Asking | None) -> bool:
    """Whether a request of the page comes from the owner.

    `AIGC_OWNER=everybody` makes everybody the owner, `nobody` (or any other word) no one. On
    Hugging Face Spaces nobody is, unless that says so.
    """
    if word := chosen():
        return word == "everybody"
    return has_owner() and web is not None and from_this_machine(web)


def has_owner() -> bool:
    """Whether anybody can be the owner here, from wherever it be."""
    if word := chosen():
        return word == "everybody"
    return not (os.environ.get("SYSTEM") == "spaces" or os.environ.get("SPACE_ID"))


def chosen() -> str:
    """What the host says of who the owner is; empty where it says nothing."""
    return os.environ.get("AIGC_OWNER", "").strip().lower()


def must_be_owner(web: Asking | None) -> None:
    """Lets the owner pass.

    Raises:
        NotTheOwner: it is somebody else.
    """
    if not is_owner(web):
        raise NotTheOwner()


def from_this_machine(web: Asking) -> bool:
    """Whether a browser on this machine asks, from a page of ours, with nobody in between."""
    headers: Mapping[str, str] = {name.lower(): value for name, value in web.headers.items()}
    if any(name in MARKS or name.startswith("x-forwarded") for name in headers):
        return False
    address = web.client.host if web.client else ""
    host, origin = headers.get("host", "").lower(), headers.get("origin", "").lower()
    # A browser names the origin of everything that is posted.
    same = origin in (f"http://{host}", f"https://{host}")
    return same and is_here(address) and is_here(host_name(host))


def host_name(host: str) -> str:
    """A `Host` without its port; empty where it is none."""
    match = HOST.fullmatch(host)
    return match[1].strip("[]") if match else ""


def is_here(name: str) -> bool:
    """Whether a name or an address can only mean the machine itself.

    Names other than these are not looked up: whoever owns one can point it here.
    """
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    # 0.0.0.0 is what a server prints that serves all networks; no name has it.
    return address.is_loopback or address.is_unspecified
