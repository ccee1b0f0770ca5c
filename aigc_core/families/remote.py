"""What models on other servers have in common: an address, a token, and one error per cause.

A token comes from the variable that the catalog names and from nowhere else: huggingface_hub by
itself would send the account's token to whatever server it asks.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aigc_core.catalog import Entry, host_of
from aigc_core.families.remote_causes import Asked, of_exception
from aigc_core.families.remote_errors import ForeignToken, ServerUnknown, TokenMissing
from aigc_core.gate import PROCESS
from aigc_core.hub.settings import direct
from aigc_core.placement import Placement
from aigc_core.text import Text

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub import AsyncInferenceClient

# Seconds to connect, and between two words of an answer: a large model may be loaded meanwhile.
CONNECT, SILENCE = 5.0, 120.0
# Levels of 255: what another server computes may change from one day to the next.
ANY = 255.0

OWN_HOSTS = ("huggingface.co", "huggingface.cloud")
OWN_PROVIDER = "hf-inference"
OWN_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

ASKING = Text("asking {host}", "正在请求 {host}")


@dataclass
class Remote:
    """A model on another server.

    Args:
        address: the server's base URL, or the name of an inference provider.
        token: empty where it wants none.
        placement: with `remote` for a device, since what computes is not ours.
    """

    entry: Entry
    address: str
    token: str = field(repr=False)
    placement: Placement

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def is_url(self) -> bool:
        return is_url(self.address)

    @property
    def host(self) -> str:
        """The server as the record says it: without path, user or password."""
        return host_of(self.address)

    @property
    def asked(self) -> Asked:
        """Who is asked, as errors say it."""
        return Asked(self.entry.id, self.host, self.entry.served)

    @property
    def details(self) -> dict[str, str]:
        """What the record says of where a medium was made."""
        return {"server": self.host, "served": self.entry.served}

    @property
    def headers(self) -> dict[str, Any]:
        """The header with the token; None keeps huggingface_hub from adding one of its own."""
        if self.token and not self.is_url:
            return {}  # Each provider has a way of its own, which huggingface_hub knows.
        return {"authorization": f"Bearer {self.token}" if self.token else None}

    @asynccontextmanager
    async def client(self) -> "AsyncIterator[AsyncInferenceClient]":
        """A client that closes what it opened.

        Raises:
            RemoteError: what is done with it meanwhile fails for a cause that is not ours.
        """
        import httpx2
        from huggingface_hub import AsyncInferenceClient, constants, set_async_client_factory

        # It is for these clients alone: nothing else in huggingface_hub asks asynchronously.
        set_async_client_factory(web)
        where: Any = (
            {"base_url": self.address}
            if self.is_url
            else {"model": self.entry.served, "provider": self.address}
        )
        if self.address == OWN_PROVIDER:
            # By its address: of a name, huggingface_hub asks the hub with the account's token.
            router = constants.INFERENCE_PROXY_TEMPLATE.format(provider=OWN_PROVIDER)
            where["model"] = f"{router}/models/{self.entry.served}"
        asking = AsyncInferenceClient(
            **where,
            api_key=self.token or None,
            headers=self.headers,
            timeout=httpx2.Timeout(SILENCE, connect=CONNECT),
        )
        async with self.telling(), asking as client:
            yield client

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Around asking the server: what goes wrong there becomes one error per cause."""
        try:
            yield
        except Exception as error:
            if cause := of_exception(error, self.asked):
                raise cause from error
            raise

    def close(self) -> None:
        """Nothing is kept open between runs."""


def connect(entry: Entry, placement: Placement) -> Remote:
    """The model of an entry; nobody is asked yet.

    Raises:
        ServerUnknown: the environment does not name the server.
        TokenMissing: nor its token, or the catalog names none for a provider.
        ForeignToken: the token is Hugging Face's, and the server is not.
    """
    address = named(entry.server)
    if not address:
        raise ServerUnknown(entry.id, entry.server.removeprefix("$"))
    host, token = host_of(address), named(entry.token) if entry.token else ""
    variable = entry.token.removeprefix("$")
    if not token and (entry.token or not is_url(address)):
        raise TokenMissing(entry.id, host, variable or "token")
    own = variable in OWN_TOKENS or token.startswith("hf_")
    if own and is_url(address) and not belongs(host):
        raise ForeignToken(entry.id, host)
    return Remote(entry, address, token, replace(placement, device="remote", batching=False))


def check(entry: Entry) -> None:
    """Nothing where the environment names what is needed; nobody is asked.

    Raises:
        RemoteError: as `connect`.
    """
    connect(entry, Placement("cpu", "float32", PROCESS, batching=False))


def web() -> "httpx2.AsyncClient":
    """A connection that asks this machine without a proxy and lets nobody send it elsewhere."""
    import httpx2

    async def read(response: httpx2.Response) -> None:
        if response.status_code >= 400:
            await response.aread()  # It is read here or never: a stream's error comes without.
        elif response.status_code >= 300:
            raise httpx2.HTTPStatusError("moved", request=response.request, response=response)

    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(SILENCE, connect=CONNECT),
        mounts=direct(),
        event_hooks={"response": [read]},
    )


def named(value: str) -> str:
    """A value of the catalog; `$NAME` stands for what the environment has under this name."""
    return os.environ.get(value[1:], "").strip() if value.startswith("$") else value


def is_url(address: str) -> bool:
    return "://" in address


def belongs(host: str) -> bool:
    """Whether a host is one of Hugging Face's."""
    name = host.partition(":")[0].lower()
    return any(name == own or name.endswith(f".{own}") for own in OWN_HOSTS)
