"""Where the hub is, where its files lie, and what the host allows; asked anew at every call.

huggingface_hub reads the environment once, when it is imported. Here the environment comes first
and its constants second, so that a change takes effect at once.
"""

import os
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

DEFAULT = "https://huggingface.co"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TRUE = {"1", "ON", "YES", "TRUE"}


def cache() -> Path:
    """The folder that all programs on this machine share for files of the hub."""
    for name, *below in (
        ("HF_HUB_CACHE",),
        ("HUGGINGFACE_HUB_CACHE",),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface", "hub"),
    ):
        if given := os.environ.get(name):
            return Path(os.path.expandvars(given)).expanduser().joinpath(*below)
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def home(repo: str) -> Path:
    """The folder of one repository there."""
    return cache() / "--".join(("models", *repo.split("/")))


def repo_of(folder: Path) -> str:
    """The repository of a folder in the cache; of another folder its name."""
    for place in (folder, *folder.parents):
        if place.name.startswith("models--"):
            return place.name.removeprefix("models--").replace("--", "/", 1)
    return folder.name


def endpoint() -> str:
    """The hub's address without a slash at the end, or that of the mirror in HF_ENDPOINT."""
    if given := os.environ.get("HF_ENDPOINT"):
        return given.rstrip("/")
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def offline() -> bool:
    """Whether the network is off limits, by huggingface_hub's switches and their spellings."""
    return switched_on("HF_HUB_OFFLINE") or switched_on("TRANSFORMERS_OFFLINE")


def symlinks_allowed() -> bool:
    """Whether the host wants the cache to be made of symbolic links, as it mostly is."""
    return not switched_on("HF_HUB_DISABLE_SYMLINKS")


def token() -> str | None:
    """The visitor's token, if it may be sent to the hub that is asked.

    A token belongs to huggingface.co. A mirror gets it only when the host names it in
    `AIGC_TOKEN_HOST` (`host` or `host:port`), and nobody gets it in clear text over a network.
    """
    address = split(endpoint())
    if not owns_accounts(address):
        return None
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        return None
    if switched_on("HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return None
    from huggingface_hub import get_token

    return get_token()


def account_site() -> str:
    """Where people have their accounts: the hub that is asked, unless it is a mirror."""
    return endpoint() if owns_accounts(split(endpoint())) else DEFAULT


def owns_accounts(address: SplitResult) -> bool:
    own = (os.environ.get("AIGC_TOKEN_HOST") or split(DEFAULT).netloc).lower()
    return own in (address.netloc.lower(), address.hostname)


def direct() -> dict[str, None]:
    """What httpx2 is to mount so that this machine is not asked through a proxy."""
    return {f"all://{f'[{name}]' if ':' in name else name}": None for name in LOOPBACK}


def split(address: str) -> SplitResult:
    """The pieces of an address; none of them where it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def switched_on(name: str) -> bool:
    return os.environ.get(name, "").upper() in TRUE
