"""From what httpx2 and huggingface_hub raise, and what servers say, to one error per cause."""

import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from aigc_core.errors import AigcError
from aigc_core.families.remote_errors import (
    Malformed,
    NotServed,
    RemoteError,
    RequestRefused,
    ServerBroken,
    ServerBusy,
    ServerSilent,
    ServerUnreachable,
    StreamBroken,
    TokenRefused,
)
from aigc_core.hub.causes import told_to_wait

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)

LONGEST_WORDS = 200


class Asked(NamedTuple):
    """Who was asked.

    Args:
        id: of the model in the catalog.
        host: the server.
        served: the model's name there.
    """

    id: str
    host: str
    served: str


def of_exception(error: Exception, asked: Asked) -> RemoteError | None:
    """The cause of an exception while a server was asked; None where it has its sentence already,
    or is a bug.
    """
    import httpx2
    from huggingface_hub.errors import InferenceTimeoutError, TextGenerationError

    id, host, _ = asked
    if isinstance(error, AigcError):
        return None
    if isinstance(error, InferenceTimeoutError) and isinstance(error.__cause__, Exception):
        return of_exception(error.__cause__, asked)
    if isinstance(error, TextGenerationError):
        told = json.dumps({"error": error.args[0] if error.args else ""}, default=str)
        return ServerBroken(id, host, words(told))
    if (response := getattr(error, "response", None)) is not None:
        return of_status(response, asked)
    unreachable = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.ProxyError,
        httpx2.UnsupportedProtocol,
        httpx2.InvalidURL,
    )
    if isinstance(error, unreachable):
        return ServerUnreachable(id, host)
    if isinstance(error, httpx2.TimeoutException):
        return ServerSilent(id, host)
    if isinstance(error, httpx2.TransportError | httpx2.StreamError):
        return StreamBroken(id, host)
    # What huggingface_hub and Pillow say of an answer that they cannot read.
    unreadable = (ValueError, KeyError, IndexError, TypeError, AttributeError, OSError)
    if not isinstance(error, unreadable):
        return None
    logger.warning("%s answered what cannot be read", host, exc_info=error)
    return Malformed(id, host)


def of_status(response: "httpx2.Response", asked: Asked) -> RemoteError:
    """The cause behind a status that is not 200; the body of an error has been read."""
    id, host, served = asked
    code, wait = response.status_code, told_to_wait(response.headers)
    if code in (401, 403):
        return TokenRefused(id, host)
    if code == 404:
        return NotServed(id, host, served)
    if code == 429 or (code == 503 and wait is not None):
        return ServerBusy(id, host, wait)
    if code >= 500:
        return ServerBroken(id, host, str(code))
    if code >= 400:
        return RequestRefused(id, host, words(response.text) or str(code))
    return Malformed(id, host)


def words(body: str) -> str:
    """What a server says of an error: OpenAI's form, FastAPI's, or plain text."""
    try:
        said: Any = json.loads(body)
    except ValueError:
        return short(body)
    for name in ("error", "detail", "message"):
        if isinstance(said, dict) and name in said:
            said = said[name]
    return short(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))


def short(said: str) -> str:
    """A stranger's words, on one line and without what is not seen."""
    line = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"
