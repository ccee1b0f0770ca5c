"""Adding any repository of the hub: looked up first, then put into the host's own catalog."""

from collections.abc import AsyncIterator
from typing import Any

import gradio as gr
from gradio.context import Context

from aigc_core import catalog_file, default_engine
from aigc_core.bridge import to_the_end
from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest, size
from aigc_core.hub.source import SHORT
from aigc_core.text import Text
from apps.models import words
from apps.models.board import BOARDS
from apps.models.rows import UNKNOWN, outside, page
from apps.ui.controls import raw
from apps.ui.language import both, t
from apps.ui.markup import lede, same
from apps.ui.owner import is_owner, must_be_owner
from apps.ui.runs import QUIET, guarded

# Shows at once what was added.
LOOK = "() => document.dispatchEvent(new Event('aigc-models'))"


def draw_adding() -> None:
    """Draws the form, which only the owner sees, into the current context."""
    with gr.Column(visible=False, elem_id="add") as form:
        gr.HTML(f"<h2>{both(words.ADD)}</h2>{lede(words.ADD_SAYS)}", padding=False)
        with gr.Row(elem_classes=["adding"]):
            reference = raw(
                gr.Textbox(
                    label=t(words.REFERENCE),
                    info=t(words.REFERENCE_HELP),
                    max_lines=1,
                    elem_id="add-reference",
                )
            )
            ask = gr.Button(t(words.LOOK_UP), elem_id="add-look-up", elem_classes=["narrow"])
        view = gr.HTML(padding=False, elem_id="add-found")
        add = gr.Button(
            t(words.ADD_IT),
            variant="primary",
            visible=False,
            elem_id="add-it",
            elem_classes=["narrow"],
        )
    found = gr.State(None)
    shown = [view, add, found]
    gr.on([ask.click, reference.submit], looked_up, reference, shown, **QUIET)
    add.click(added, found, [*shown, reference], **QUIET).success(None, js=LOOK)
    assert Context.root_block is not None
    Context.root_block.load(offered, None, form, **QUIET)


async def offered(web: gr.Request) -> Any:
    """Whether the form is there for this visitor."""
    return gr.update(visible=is_owner(web))


@guarded
async def looked_up(reference: Any, web: gr.Request) -> AsyncIterator[list[Any]]:
    """Asks the hub what a repository is."""
    must_be_owner(web)
    yield [f'<p class="status">{both(words.LOOKING)}</p>', gr.update(visible=False), None]
    try:
        entry, view = await to_the_end(look_up, reference)
    except BaseException:
        # The sentence comes as a message; what was there before belongs to another repository.
        yield ["", gr.update(visible=False), None]
        raise
    yield [view, gr.update(visible=True), entry]


def look_up(reference: Any) -> tuple[Entry, str]:
    """What would be added, and how it is shown."""
    engine = default_engine()
    found = catalog_file.look_up(reference, engine.catalog)
    entry = catalog_file.entry_for(found, engine.catalog)
    fit = engine.fit(entry)
    lines: list[tuple[Text, str]] = [
        (words.REFERENCE, outside(page(entry.repo, entry.revision), entry.repo)),
        (words.KIND, both(same(found.class_name))),
        (words.SIZE, both(same(size(entry.download)))),
        (words.FITS, both(fit.text)),
        (words.LICENCE, both(licence(entry))),
        (words.VERSION, f"<code>{entry.revision[:SHORT]}</code>"),
    ]
    listed = "".join(f"<dt>{both(name)}</dt><dd>{said}</dd>" for name, said in lines)
    terms = f'<p class="notice">{both(words.TERMS)}</p>' if entry.gated else ""
    return entry, f'<dl class="found">{listed}</dl>{terms}'


def licence(entry: Entry) -> Text:
    said = entry.licences.weights
    return words.UNKNOWN if said in UNKNOWN else same(said)


@guarded
async def added(entry: Any, web: gr.Request) -> AsyncIterator[list[Any]]:
    """Puts what was looked up into the catalog, and its file."""
    must_be_owner(web)
    if not isinstance(entry, Entry):
        raise InvalidRequest(words.LOOK_FIRST)
    await to_the_end(keep, entry)
    said = words.ADDED.fill(model=entry.name)
    yield [f'<p class="status">{both(said)}</p>', gr.update(visible=False), None, ""]


def keep(entry: Entry) -> None:
    catalog = default_engine().catalog
    catalog_file.wanted(f"{entry.repo}@{entry.revision}")
    catalog_file.write(entry)
    catalog.add(entry)
    BOARDS.stale()
