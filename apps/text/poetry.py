"""Poetry: a Tang quatrain from a first line, from hidden head characters, or from nothing."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.errors import AigcError
from aigc_core.media import Writing
from aigc_core.tasks import ComposePoem, FindPoems
from aigc_core.text import Text
from apps.text.answers import Status, candidates, pieces
from apps.text.panes import failed
from apps.text.poems import blank, composed, nearest, writing
from apps.text.saving import saved
from apps.ui.controls import NEW_SEED, control, model_chips
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import KEPT, QUIET, guarded, outcome, stops

POSTER = Path(__file__).parent / "posters" / "poetry.txt"
TITLE = Text("Poetry", "作诗")
LINE = Text(
    "A Tang quatrain, from a first line, from hidden head characters, or from nothing.",
    "一首唐人绝句：由首句起，藏头，或凭空而作。",
)
NEAREST = Text("The nearest poems of the training data", "训练数据中最相近的诗")
NEAREST_SAYS = Text(
    "Does it copy? These share the most runs of three characters with the first poem above.",
    "它在照抄吗？以下各首与上面第一首诗相同的三字片段最多。",
)
EXAMPLES = (["7", "", "春江花月"], ["5", "", "山水有情"], ["5", "明月出天山", ""])


def draw() -> None:
    """Draws the demo into the current context."""
    entries = candidates(ComposePoem)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["poems"], elem_id="poems"):
            shown = [gr.HTML(blank(entry, POSTER), padding=False) for entry in entries]
        with gr.Column(scale=2, elem_classes=["controls"]):
            form = control(ComposePoem, "form", info=None)
            first_line = control(ComposePoem, "first_line", lines=1, elem_id="first-line")
            heads = control(ComposePoem, "heads", lines=1, elem_id="heads")
            gr.Examples(
                [list(row) for row in EXAMPLES],
                [form, first_line, heads],
                label=t(Text("Try", "试试")),
            )
            rhyming = control(ComposePoem, "rhyming", info=None)
            models = model_chips(entries, elem_id="poetry-models", visible=len(entries) > 1)
            with gr.Accordion(t(Text("More", "更多")), open=False):
                keep_form = control(ComposePoem, "keep_form")
                temperature = control(ComposePoem, "temperature")
                seed = control(ComposePoem, "seed")
                fresh = gr.Checkbox(True, label=t(Text("New seed each time", "每次换新种子")))
            go = gr.Button(t(Text("Compose", "作诗")), variant="primary", elem_id="compose")
            with gr.Row(elem_classes=["small"]):
                stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="poetry-stop")
                save = gr.DownloadButton(
                    t(Text("Save all", "全部保存")),
                    size="sm",
                    interactive=False,
                    elem_id="poetry-save",
                )
            status = gr.HTML(padding=False, elem_id="poetry-status")
    gr.HTML(f"<h2>{both(NEAREST)}</h2>{lede(NEAREST_SAYS)}", padding=False)
    near = gr.HTML(padding=False, elem_id="nearest")
    first = gr.State("")

    settings = [form, first_line, heads, keep_form, rhyming, temperature, seed, models]
    seed.input(None, None, fresh, js="() => false", **QUIET)
    models.change(chosen, models, shown, **QUIET)
    job = go.click(None, [seed, fresh], seed, js=NEW_SEED).then(
        compose, settings, [*shown, first, status, save], api_name="text_compose", **KEPT
    )
    job.success(look, first, near, api_name="text_nearest_poems", show_progress="hidden")
    stops(stop, [job], status)


@guarded
async def compose(
    form: Any,
    first_line: Any,
    heads: Any,
    keep_form: Any,
    rhyming: Any,
    temperature: Any,
    seed: Any,
    models: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    request = ComposePoem.ask(
        form=form,
        first_line=first_line,
        heads=heads,
        keep_form=keep_form,
        rhyming=rhyming,
        temperature=temperature,
        seed=seed,
    )
    entries = candidates(ComposePoem)
    asked = [entry for entry in entries if entry.id in (models or ())] or entries
    made: list[Artifact] = []

    def update(changed: dict[str, str], status: str, file: str | None) -> tuple[Any, ...]:
        held = gr.update(value=file, interactive=file is not None)
        poem = made[0].media.text if made and isinstance(made[0].media, Writing) else ""
        return *(changed.get(entry.id, gr.skip()) for entry in entries), poem, status, held

    yield update({entry.id: writing(entry, "") for entry in asked}, "", None)
    wishes = [(entry.id, partial(ComposePoem.ask, **request.model_dump())) for entry in asked]
    async with aclosing(pieces(wishes, web)) as stream:
        async for entry, news in stream:
            match news:
                case Status(line):
                    yield update({}, line, None)
                case Writing(text):
                    yield update({entry.id: writing(entry, text)}, "", None)
                case Text():
                    yield update({entry.id: failed(entry, news)}, "", None)
                case _:
                    made += news
                    yield update({entry.id: composed(entry, news[0])}, "", None)
    with saved(made, f"poems-{request.seed}") as file:
        yield update({}, "", file)


@guarded
async def look(poem: Any, web: gr.Request) -> AsyncIterator[str]:
    """The poems nearest to one, where the training data are on this machine."""
    if not poem:
        yield ""
        return
    try:
        yield nearest(await outcome(FindPoems.ask(poem=poem), None, web))
    except AigcError as error:
        yield lede(error.text)


async def chosen(models: list[str]) -> list[Any]:
    """Only the panes of the chosen models are there; all, where none is chosen."""
    return [
        gr.update(visible=not models or entry.id in models) for entry in candidates(ComposePoem)
    ]


POETRY = Demo("poetry", TITLE, LINE, POSTER, draw, needs=ComposePoem)
