"""What the page's script asks of the server: a look at what changed, and the owner's orders."""

import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.catalog import Entry
from aigc_core.errors import AigcError
from aigc_core.stock import IN_USE, remove_model
from apps.models import words
from apps.models.board import BOARDS
from apps.models.downloads import DOWNLOADS
from apps.models.rows import linked
from apps.models.view import changed, parts
from apps.ui.owner import is_owner, must_be_owner
from apps.ui.runs import SORRY

log = logging.getLogger(__name__)

MOMENT = 2.0  # seconds


def look(seen: Any, web: gr.Request) -> dict[str, tuple[str, str]]:
    """The parts of the page that changed.

    Args:
        seen: digests of the parts that the browser has, by name; what is not one is ignored.
    """
    known = seen if isinstance(seen, dict) else {}
    try:
        return changed(parts(BOARDS.now(), owner=is_owner(web)), known)
    except Exception:
        log.exception("the models page could not be drawn")
        raise


def act(order: Any, web: gr.Request) -> str:
    """Does what the owner ordered, `{"do": ..., "id": ..., "revision": ...}`.

    Returns:
        Markup that says why not, in both languages; empty when it was done.
    """
    try:
        must_be_owner(web)
    except AigcError as error:
        return linked(error.text)
    try:
        do, id, revision = read(order)
        ORDERS[do](default_engine().catalog.find(id), revision)
    except AigcError as error:
        return linked(error.text)
    except Exception:
        note = secrets.token_hex(3)
        log.exception("order %s failed", note)
        return linked(SORRY.fill(id=note))
    finally:
        BOARDS.stale()
    return ""


def read(order: Any) -> tuple[str, str, str]:
    """The parts of an order.

    Raises:
        AigcError: it is none.
    """
    if isinstance(order, dict) and order.get("do") in ORDERS:
        id, revision = order.get("id"), order.get("revision") or ""
        if isinstance(id, str) and isinstance(revision, str):
            return order["do"], id, revision
    raise AigcError(words.NO_ORDER)


def fetch(entry: Entry, _: str) -> None:
    DOWNLOADS.start(default_engine(), entry.id)


def cancel(entry: Entry, _: str) -> None:
    DOWNLOADS.forget(entry.id)
    if not DOWNLOADS.cancel(entry.id):
        raise AigcError(words.NO_DOWNLOAD)
    # It ends within a moment, unless somebody else waits for it too.
    until = time.monotonic() + MOMENT
    while is_coming(entry) and time.monotonic() < until:
        time.sleep(0.05)


def is_coming(entry: Entry) -> bool:
    """Whether it is being downloaded."""
    return any(fetch.id == entry.id for fetch in default_engine().loader.status().fetches)


def unload(entry: Entry, _: str) -> None:
    loader = default_engine().loader
    if loader.evict(entry.id):
        return
    loaded = any(state.id == entry.id for state in loader.status().models)
    raise AigcError(IN_USE if loaded else words.NOT_LOADED)


def remove(entry: Entry, revision: str) -> None:
    """Deletes a model's files, or those of another revision of its repository."""
    engine = default_engine()
    remove_model(engine.catalog, engine.loader, entry, revision)
    DOWNLOADS.forget(entry.id)


ORDERS: dict[str, Callable[[Entry, str], None]] = {
    "fetch": fetch,
    "cancel": cancel,
    "unload": unload,
    "remove": remove,
}
