"""From what a request met to the one error that says so to people.

The hub tells its cause in `X-Error-Code`; without a token it answers 401 for what does not exist,
so as not to betray what is private (as `hf_raise_for_status` of huggingface_hub explains).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aigc_core.causes import causes
from aigc_core.hub.errors import (
    BadToken,
    Dropped,
    Gated,
    HubBroken,
    HubError,
    NotFound,
    Offline,
    RateLimited,
    Stalled,
    Unreachable,
)

TRANSIENT = (408, 429, 500, 502, 503, 504)
REVISION = re.compile(r"/(?:revision|tree|resolve)/([^/?]+)")
FILE = re.compile(r"/resolve/[^/]+/([^?]+)")
# Where the hub says nothing of how long.
A_MINUTE = 60.0


def of_status(
    repo: str,
    status: int,
    headers: Mapping[str, str],
    url: str,
    *,
    with_token: bool,
    gated: bool = False,
    link: str = "",
) -> HubError:
    """The cause of an answer that is not what was asked for.

    Args:
        headers: of the answer; their names in any case, as HTTP libraries hold them.
        with_token: whether a token was sent.
        gated: whether the hub has said so before; a mirror may refuse without saying why.
        link: of the repository's page.
    """
    code = headers.get("x-error-code", "")
    if "invalid credentials" in headers.get("x-error-message", "").lower():
        return BadToken(repo)
    if code == "GatedRepo" or (gated and status in (401, 403)):
        return Gated(repo, link)
    if code in ("RevisionNotFound", "EntryNotFound"):
        found = (REVISION if code == "RevisionNotFound" else FILE).search(url)
        return NotFound(repo, found[1] if found else "")
    if code == "RepoNotFound":
        return NotFound(repo)
    if status == 401 or (status == 403 and with_token):
        return BadToken(repo) if with_token else NotFound(repo)
    if status == 404:
        return NotFound(repo)
    if status == 429:
        return RateLimited(repo, told_to_wait(headers) or A_MINUTE)
    return HubBroken(repo, status)


def told_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `Retry-After` (RFC 9110, 10.2.3) or the hub's `RateLimit`; None without."""
    told = headers.get("retry-after", "")
    if re.fullmatch(r"\d+(\.\d+)?", told):
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        pass
    limit = re.search(r";\s*r=0\s*;\s*t=(\d+)", headers.get("ratelimit", ""))
    return float(limit[1]) if limit else None


def of_exception(error: BaseException, repo: str, host: str = "huggingface.co") -> HubError | None:
    """The cause of an exception of httpx2 or huggingface_hub, or of what was raised from one.

    None where it came from something else.
    """
    import httpx2
    from huggingface_hub import errors as theirs

    for cause in causes(error):
        if isinstance(cause, HubError):
            return cause
        if isinstance(cause, theirs.OfflineModeIsEnabled):
            return Offline(repo)
        if isinstance(cause, httpx2.HTTPStatusError | theirs.HfHubHTTPError):
            answer = cause.response
            return of_status(
                repo,
                answer.status_code,
                answer.headers,
                str(answer.url),
                with_token="authorization" in answer.request.headers,
            )
        if found := of_transport(cause, repo, host):
            return found
    return None


def of_transport(error: BaseException, repo: str, host: str) -> HubError | None:
    """The cause of an exception of httpx2 that has no answer to it."""
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ConnectError):
        return Unreachable(repo, host)
    if isinstance(error, httpx2.ProxyError | httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return Unreachable(repo, host)
    if isinstance(error, httpx2.TimeoutException):
        from aigc_core.hub import patience

        return Stalled(repo, patience.PATIENCE.quiet)
    if isinstance(error, httpx2.TransportError):
        return Dropped(repo)
    return None
