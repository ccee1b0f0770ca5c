"""The live panel: devices, models in memory, downloads, and what happened so far."""

from html import escape

from aigc_core.catalog import Entry
from aigc_core.errors import size
from aigc_core.footprint import RUNGS
from aigc_core.hub.transfer import Transfer, time_left
from aigc_core.status import DeviceState, ModelState
from aigc_core.text import Text
from apps.models import words
from apps.models.board import Board, Row
from apps.ui.language import both
from apps.ui.markup import facts, noted, said, same


def button(do: str, id: str, label: Text, *, of: Text | None = None, revision: str = "") -> str:
    """A button of the owner's; the page's script tells the server of the click.

    Args:
        of: what it is about, for those who do not see where it stands.
    """
    about = f' aria-label="{said(noted(label, of))}"' if of else ""
    at = f' data-revision="{escape(revision)}"' if revision else ""
    named = f'data-do="{do}" data-id="{escape(id)}"{at}{about}'
    return f'<button type="button" {named}>{both(label)}</button>'


def device(state: DeviceState) -> str:
    """A device: its memory as a bar, of which models take a part, and others."""
    total = max(state.total, 1)
    others = max(0, total - state.free - state.models_bytes)
    name = state.name if state.kind == "cpu" else f"{state.name} ({state.id})"
    text = words.FREE.fill(free=size(state.free), total=size(state.total))
    parts = [("ours", state.models_bytes, words.LOADED_HERE), ("others", others, words.TAKEN)]
    bars = "".join(
        f'<i class="{kind}" style="width:{share(bytes, total)}%"></i>' for kind, bytes, _ in parts
    )
    legend = "".join(
        f'<span><i class="{kind}"></i>{both(label.fill(size=size(bytes)))}</span>'
        for kind, bytes, label in parts
        if bytes
    )
    dead = f'<p class="notice">{both(words.DEAD)}</p>' if state.dead else ""
    return (
        f'<div class="device"><p><b>{both(same(name))}</b><span>{both(text)}</span></p>'
        f'<div class="memory" role="img" aria-label="{said(noted(same(name), text))}">{bars}</div>'
        f'<p class="key">{legend}</p>{dead}</div>'
    )


def disk(board: Board) -> str:
    """Room for downloads."""
    said = [words.DISK_FREE.fill(free=size(board.disk_free))]
    if board.inventory.others:
        said.append(words.OTHERS.fill(size=size(board.inventory.others)))
    spans = "".join(f"<span>{both(text)}</span>" for text in said)
    return f'<p class="disk"><b>{both(words.DISK)}</b>{spans}</p>'


def resident(state: ModelState, entry: Entry | None, *, owner: bool) -> str:
    """A model in memory, or on its way there."""
    name = entry.name if entry else same(state.id)
    where = " ".join(filter(None, (state.device, state.dtype)))
    loaded = state.status == "ready"
    how = both(RUNGS[state.rung]) if loaded else ""
    bytes = size(state.bytes) if state.bytes else ""
    beside = f" {both(words.BESIDE.fill(size=size(state.host_bytes)))}" if state.host_bytes else ""
    unload = ""
    if owner and loaded and not state.refs and not state.pinned:
        unload = button("unload", state.id, words.UNLOAD, of=name)
    return (
        f'<div class="resident"><b>{both(name)}</b><code>{where}</code><span>{how}</span>'
        f"<code>{bytes}{beside}</code><span>{standing(state)}</span>"
        f'<span class="do">{unload}</span></div>'
    )


def standing(state: ModelState) -> str:
    """What it is doing."""
    doing = words.STANDING[state.status]
    if state.status == "ready" and state.refs:
        doing = words.IN_USE.fill(count=state.refs)
    said = [doing]
    if state.waiting:
        said.append(words.WAITING.fill(count=state.waiting))
    if state.pinned:
        said.append(words.PINNED)
    return both(Text(", ".join(text.en for text in said), "，".join(text.zh for text in said)))


def counts(board: Board) -> str:
    """What is going on, and what happened since the suite was started."""
    of = board.status.counts
    figures = (
        (words.LEASES, sum(state.refs for state in board.status.models)),
        (words.QUEUE, board.queue),
        (words.HITS, of.hits),
        (words.LOADS, of.loads),
        (words.EVICTIONS, of.evictions),
        (words.FAILURES, of.failures),
        (words.CANCELLED, of.cancelled),
        (words.OUT_OF_MEMORY, of.out_of_memory),
    )
    return facts(*((name, same(f"{count:,}")) for name, count in figures))


def download(row: Row, transfer: Transfer, *, owner: bool) -> str:
    """A download by name, for the panel."""
    name = row.stock.entry.name
    return (
        f'<div class="download"><b>{both(name)}</b>{progress(transfer, name)}'
        f'<span class="do">{cancel(row, owner=owner)}</span></div>'
    )


def cancel(row: Row, *, owner: bool) -> str:
    entry = row.stock.entry
    return button("cancel", entry.id, words.CANCEL, of=entry.name) if owner and row.ours else ""


def progress(transfer: Transfer, name: Text) -> str:
    """How far a download is: a bar, bytes, and the time left."""
    at = share(transfer.done, transfer.total) if transfer.total else 0
    return (
        f'<div class="track" role="progressbar" aria-label="{said(name)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{at}"><i style="width:{at}%"></i></div>'
        f'<span class="far">{both(far(transfer))}</span>'
    )


def far(transfer: Transfer) -> Text:
    """How far a download is, in words."""
    if transfer.waiting is not None:
        return words.PATIENCE.fill(count=round(transfer.waiting))
    if not transfer.total:
        return words.STARTING
    count = words.OF.fill(done=size(transfer.done), total=size(transfer.total))
    if transfer.verifying:
        more = words.VERIFYING
    elif transfer.seconds_left is None:
        return count
    else:
        more = time_left(transfer.seconds_left)
    return words.AND.fill(count=count, more=more)


def share(part: int, whole: int) -> int:
    """Percent, from 0 to 100."""
    return min(100, max(0, round(100 * part / max(whole, 1))))
