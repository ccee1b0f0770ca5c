"""Requests to the hub: its token for nobody else, redirects by hand, one error per cause."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from aigc_core.hub import patience, settings
from aigc_core.hub.causes import TRANSIENT, of_status, of_transport, told_to_wait
from aigc_core.hub.errors import Dropped, HubBroken, Unreachable
from aigc_core.hub.patience import Again

if TYPE_CHECKING:
    import ssl

    import httpx2

REDIRECTS = 6


class Web:
    """The hub as far as one repository goes, open while the `async with` lasts.

    Args:
        repo: `org/name`.

    Attributes:
        gated: whether the hub has said that its makers want their terms accepted.
    """

    def __init__(self, repo: str) -> None:
        self.repo = repo
        self.endpoint = settings.endpoint()
        self.token: str | None = None
        self.gated = False

    async def __aenter__(self) -> Self:
        # Both take a while, the token where it has to be renewed over the network first.
        trusted = await asyncio.to_thread(certificates)
        patient = patience.PATIENCE
        try:
            async with asyncio.timeout(patient.preflight):
                self.token = await asyncio.to_thread(settings.token)
        except TimeoutError:
            host = settings.split(self.endpoint).hostname
            raise Unreachable(self.repo, host or self.endpoint) from None
        import httpx2

        try:
            self.home = httpx2.URL(self.endpoint)
            self.client = httpx2.AsyncClient(
                headers={"User-Agent": "aigc", "Accept-Encoding": "identity"},
                timeout=httpx2.Timeout(patient.quiet, connect=patient.preflight, pool=None),
                mounts=settings.direct(),
                verify=trusted,
            )
        except (httpx2.InvalidURL, ValueError, ImportError) as error:
            # Proxies have addresses too, and those of SOCKS want a package of their own.
            raise Unreachable(self.repo, self.endpoint) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.client.aclose()

    @property
    def host(self) -> str:
        """As people are told it."""
        return self.home.host or self.endpoint

    @property
    def link(self) -> str:
        """The page of the repository, where an account can accept its terms."""
        return f"{settings.account_site()}/{self.repo}"

    def of_file(self, revision: str, name: str) -> str:
        """Where the hub has a file."""
        return f"/{self.repo}/resolve/{revision}/{quote(name)}"

    @asynccontextmanager
    async def open(
        self, path: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator["httpx2.Response"]:
        """An answer whose body is still to be read.

        Args:
            path: below the endpoint.
            start: first byte that is wanted; with `end`, the last one.

        Raises:
            Again: it failed, also while the body was read, and another attempt may not.
            HubError: it failed, and would again.
        """
        import httpx2

        url = self.home
        try:
            url = httpx2.URL(self.endpoint + path)
            for _ in range(REDIRECTS):
                request = self.client.build_request("GET", url, headers=self._headers(url))
                if start or end is not None:
                    request.headers["Range"] = f"bytes={start}-{'' if end is None else end}"
                answer = await self.client.send(request, stream=True)
                try:
                    if not answer.has_redirect_location:
                        self._check(answer)
                        yield answer
                        return
                    url = url.join(answer.headers["location"])
                finally:
                    await answer.aclose()
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            cause = of_transport(error, self.repo, url.host or self.endpoint)
            assert cause
            raise Again(cause) from error
        raise HubBroken(self.repo)

    async def read_range(self, path: str, start: int, end: int) -> bytes:
        """The bytes of a file from `start` up to, not with, `end`.

        Raises:
            Again: fewer came.
        """
        body = bytearray()
        async with self.open(path, start, end - 1) as answer:
            skip = 0 if answer.status_code == 206 else start
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) >= skip + end - start:
                    break
        if len(body) < skip + end - start:
            raise Again(Dropped(self.repo))
        return bytes(body[skip : skip + end - start])

    async def read(self, path: str, most: int) -> bytes:
        """The body of a small answer.

        Raises:
            HubBroken: it is longer than `most` bytes.
        """
        body = bytearray()
        async with self.open(path) as answer:
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > most:
                    raise HubBroken(self.repo)
        return bytes(body)

    def _headers(self, url: "httpx2.URL") -> dict[str, str]:
        at_home = (url.scheme, url.host, url.port) == (
            self.home.scheme,
            self.home.host,
            self.home.port,
        )
        return {"Authorization": f"Bearer {self.token}"} if self.token and at_home else {}

    def _check(self, answer: "httpx2.Response") -> None:
        if answer.is_success:
            return
        status, headers, request = answer.status_code, answer.headers, answer.request
        foreign = request.url.host != self.home.host or request.url.port != self.home.port
        # A link to another host may have expired: the hub gives a new one.
        if foreign and status not in TRANSIENT:
            raise Again(HubBroken(self.repo, status))
        with_token = "authorization" in request.headers
        error = of_status(
            self.repo,
            status,
            headers,
            str(request.url),
            with_token=with_token,
            gated=self.gated,
            link=self.link,
        )
        raise Again(error, told_to_wait(headers)) if status in TRANSIENT else error


@cache
def certificates() -> "ssl.SSLContext":
    """Read once: that takes as long as a request."""
    import httpx2

    return httpx2.create_ssl_context()


def as_json(content: bytes) -> Any:
    """What a JSON document says; None for one that says nothing."""
    import json

    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
