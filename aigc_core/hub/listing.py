"""What the hub says of a repository before anything is downloaded."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aigc_core.hub import patience
from aigc_core.hub.attempts import attempts
from aigc_core.hub.errors import Dropped, HubBroken, NotFound, Stalled, Unreachable
from aigc_core.hub.files import MODEL_INDEX, Components, File, read_components, safe_name
from aigc_core.hub.meter import Meter
from aigc_core.hub.patience import Again
from aigc_core.hub.source import COMMIT
from aigc_core.hub.web import Web, as_json

MOST = 50_000_000  # bytes of the listing of a very large repository
MOST_JSON = 10_000_000


@dataclass(frozen=True)
class Listing:
    """A repository at one commit.

    Args:
        about: all that the API says.
    """

    repo: str
    commit: str
    files: tuple[File, ...]
    about: dict[str, Any]

    def has(self, name: str) -> bool:
        return any(file.name == name for file in self.files)


async def fetch_listing(web: Web, meter: Meter, revision: str | None = None) -> Listing:
    """What the hub has of a repository, at its main branch where no revision is named.

    Raises:
        HubError: within `patience.preflight`, unless the hub asks us to wait.
    """
    at = f"/revision/{quote(revision, safe='')}" if revision else ""
    content = await preflight(web, meter, f"/api/models/{web.repo}{at}?blobs=true", MOST)
    about = as_json(content)
    if not isinstance(about, dict) or not COMMIT.fullmatch(str(about.get("sha"))):
        raise HubBroken(web.repo)
    web.gated = bool(about.get("gated"))
    if revision and COMMIT.fullmatch(revision) and about["sha"] != revision:
        raise NotFound(web.repo, revision)
    return Listing(web.repo, about["sha"], read_files(web.repo, about.get("siblings")), about)


async def fetch_components(web: Web, meter: Meter, listing: Listing) -> Components | None:
    """The components of a diffusers pipeline; None for another kind of model."""
    if not listing.has(MODEL_INDEX):
        return None
    return read_components(await fetch_json(web, meter, listing, MODEL_INDEX))


async def fetch_json(web: Web, meter: Meter, listing: Listing, name: str) -> Any:
    """What a small JSON file of the repository says.

    Raises:
        HubBroken: it is no JSON, or not small.
    """
    path = web.of_file(listing.commit, name)
    found = as_json(await preflight(web, meter, path, MOST_JSON))
    if found is None:
        raise HubBroken(web.repo)
    return found


async def preflight(web: Web, meter: Meter, path: str, most: int) -> bytes:
    """A small answer, soon.

    Raises:
        HubError: it did not come within `patience.preflight`, other than at the hub's wish.
    """
    # The pause before the one other attempt is part of that time.
    left = patience.PATIENCE.preflight - patience.PATIENCE.pauses[0]

    async def ask() -> bytes:
        nonlocal left
        start = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, left)):
                return await web.read(path, most)
        except TimeoutError:
            raise Unreachable(web.repo, web.host) from None
        except Again as again:
            if isinstance(again.error, Dropped | Stalled):
                raise Again(Unreachable(web.repo, web.host)) from again
            raise
        finally:
            left -= time.monotonic() - start

    return await attempts(meter, ask, hurry=True)


def read_files(repo: str, siblings: object) -> tuple[File, ...]:
    """The files that the API lists, with the checksums by which their content is verified."""
    try:
        assert isinstance(siblings, list)
        files = tuple(read_file(sibling) for sibling in siblings)
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise HubBroken(repo) from error
    return tuple(file for file in files if safe_name(file.name))


def read_file(sibling: dict[str, Any]) -> File:
    lfs = sibling.get("lfs")
    blob = str(lfs["sha256"] if lfs else sibling["blobId"]).lower()
    if len(blob) not in (40, 64) or not set(blob) <= set("0123456789abcdef"):
        raise ValueError(blob)
    return File(str(sibling["rfilename"]), int(lfs["size"] if lfs else sibling["size"]), blob)
