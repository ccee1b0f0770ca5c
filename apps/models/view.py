"""The page in parts, so that only those go to the browser that changed since it last asked."""

from hashlib import blake2s
from html import escape

from aigc_core.hub.transfer import Transfer
from aigc_core.stock import Place
from aigc_core.text import Text
from apps.models import panel, rows, words
from apps.models.board import Board, Row
from apps.ui.language import both
from apps.ui.markup import lede
from apps.ui.owner import has_owner

PLACES: tuple[Place, ...] = ("disk", "hub", "gated", "shipped", "remote")


def parts(board: Board, *, owner: bool) -> dict[str, str]:
    """Every part by its name. `page` holds the places of the others.

    Args:
        owner: whether to offer what only the owner may do.
    """
    groups = {place: [row for row in board.rows if row.stock.place == place] for place in PLACES}
    made = {
        "devices": "".join(map(panel.device, board.status.devices)) + panel.disk(board),
        "resident": residents(board, owner=owner),
        "downloads": downloads(board, owner=owner),
        "counts": panel.counts(board),
        "strays": strays(board, owner=owner),
        "page": page([place for place in PLACES if groups[place]], owner=owner),
    }
    for place, members in groups.items():
        made[f"group:{place}"] = group(words.GROUPS[place], [m.stock.entry.id for m in members])
        for member in members:
            made[f"row:{member.stock.entry.id}"] = rows.row(member, owner=owner)
            made[f"far:{member.stock.entry.id}"] = rows.far(member)
    return made


def changed(made: dict[str, str], seen: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The parts that a browser does not have, each with its digest.

    Args:
        seen: the digests of what it has.
    """
    digests = {
        name: blake2s(part.encode(), digest_size=6).hexdigest() for name, part in made.items()
    }
    return {
        name: (digest, made[name]) for name, digest in digests.items() if seen.get(name) != digest
    }


def page(places: list[Place], *, owner: bool) -> str:
    groups = "".join(
        f'<section class="group" data-live="group:{place}"></section>' for place in places
    )
    line = words.GUEST if has_owner() else words.NO_OWNER
    guest = "" if owner else f'<p class="quiet">{both(line)}</p>'
    return (
        f'<section class="now"><h2>{both(words.NOW)}</h2><div data-live="devices"></div>'
        '<div data-live="resident"></div><div data-live="downloads"></div>'
        f'<div data-live="counts"></div></section>{guest}{groups}'
        '<section class="group" data-live="strays"></section>'
    )


def residents(board: Board, *, owner: bool) -> str:
    """The models in memory, and those on their way there."""
    entries = {row.stock.entry.id: row.stock.entry for row in board.rows}
    # A download is shown as one; a failure stands with the model in the list.
    present = [s for s in board.status.models if s.status not in ("failed", "fetching")]
    lines = "".join(panel.resident(s, entries.get(s.id), owner=owner) for s in present)
    nothing = f'<p class="quiet">{both(words.NOTHING_LOADED)}</p>'
    return f"<h3>{both(words.IN_MEMORY)}</h3>{lines or nothing}"


def downloads(board: Board, *, owner: bool) -> str:
    under_way: list[tuple[Row, Transfer]] = [(r, r.transfer) for r in board.rows if r.transfer]
    if not under_way:
        return ""
    lines = "".join(panel.download(row, transfer, owner=owner) for row, transfer in under_way)
    return f"<h3>{both(words.ON_THE_WAY)}</h3>{lines}"


def group(said: tuple[Text, Text], ids: list[str]) -> str:
    title, line = said
    lines = "".join(
        f'<div class="model" data-live="row:{escape(id)}"></div>{answer(id)}' for id in ids
    )
    return f"<h2>{both(title)}</h2>{lede(line)}{lines}"


def answer(to: str) -> str:
    """Where the page says why an order could not be done."""
    return f'<p class="notice said" data-said="{escape(to)}" role="alert" hidden></p>'


def strays(board: Board, *, owner: bool) -> str:
    """Old versions; their repository's first model gives them their name."""
    named = {row.stock.entry.repo: row.stock.entry for row in reversed(board.rows)}
    here = [(holding, named[holding.repo]) for holding in board.inventory.strays]
    lines = "".join(
        f'<div class="model">{rows.stray(holding, entry, owner=owner)}</div>'
        f"{answer(entry.id + holding.revision)}"
        for holding, entry in here
    )
    title, line = words.STRAYS
    return f"<h2>{both(title)}</h2>{lede(line)}{lines}" if lines else ""
