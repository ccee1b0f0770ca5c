"""Poetry: a Tang quatrain from a first line, from hidden head characters, or from nothing."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.errors import AigcError
from aigc_core.tasks import ComposePoem, FindPoems
from aigc_core.text import Text
from apps.text.lineup import Lineup, Stage
from apps.text.poems import checked, nearest, upright
from apps.text.sampling import Drawn, renewed
from apps.ui.controls import control
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import KEPT, guarded, outcome

POSTER = Path(__file__).parent / "posters" / "poetry.txt"
TITLE = Text("Poetry", "作诗")
LINE = Text(
    "A Tang quatrain, from a first line, from hidden head characters, or from nothing.",
    "一首唐人绝句：由首句起，藏头，或凭空而作。",
)
HOW = Text(
    "Ours draw a character where a character must stand, and can be made to rhyme: what they could "
    "not write is left out before each draw. Pretrained models are only told what is wanted; the "
    "check below each poem says what came of it.",
    "我们的模型在该是汉字的位置只抽汉字，还可强制押韵：每次抽取前先排除不合要求的字。"
    "预训练模型只是被告知要求，结果如何，看诗下的检查。",
)
NEAREST = Text("The nearest poems of the training data", "训练数据中最相近的诗")
NEAREST_SAYS = Text(
    "Does it copy? These share the most runs of three characters with the first poem above.",
    "它在照抄吗？以下各首与上面第一首诗相同的三字片段最多。",
)
EXAMPLES = (
    (Text("A first line", "首句"), "5", "明月出天山", ""),
    (Text("An acrostic", "藏头"), "7", "", "春江花月"),
    (Text("From nothing", "凭空"), "5", "", ""),
)


def draw() -> None:
    """Draws the demo into the current context."""
    stage = Stage(LINEUP)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5):
            stage.draw_panes()
        with gr.Column(scale=2, elem_classes=["controls"]):
            form = control(ComposePoem, "form", info=None)
            first_line = control(ComposePoem, "first_line", lines=1, elem_id="first-line")
            heads = control(ComposePoem, "heads", lines=1, elem_id="heads")
            rhyming = control(ComposePoem, "rhyming", info=None)
            stage.draw_buttons(Text("Compose", "作诗"))
            gr.Examples(
                [list(values) for _, *values in EXAMPLES],
                [form, first_line, heads],
                example_labels=[t(name) for name, *_ in EXAMPLES],
                label=t(Text("Try", "试试")),
            )
            stage.draw_chips()
            with gr.Accordion(t(Text("More", "更多")), open=False):
                keep_form = control(ComposePoem, "keep_form")
                temperature = control(ComposePoem, "temperature")
                seed = control(ComposePoem, "seed")
                fresh = gr.Checkbox(True, label=t(Text("New seed each time", "每次换新种子")))
    gr.HTML(lede(HOW), padding=False)
    gr.HTML(f"<h2>{both(NEAREST)}</h2>{lede(NEAREST_SAYS)}", padding=False)
    near = gr.HTML(padding=False, elem_id="nearest")
    poem = gr.Textbox(visible=False, label="poem")

    seed.input(None, None, fresh, js="() => false", queue=False, api_visibility="private")
    job = renewed(stage.go, Drawn([seed], fresh)).then(
        compose,
        [form, first_line, heads, keep_form, rhyming, temperature, stage.models, seed],
        [*stage.outputs, poem],
        api_name="text_compose",
        **KEPT,
    )
    job.success(look, poem, near, api_name="text_nearest_poems", show_progress="hidden")
    stage.wire(job)


@guarded
async def compose(
    form: Any,
    first_line: Any,
    heads: Any,
    keep_form: Any,
    rhyming: Any,
    temperature: Any,
    models: Any,
    seed: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    wish = ComposePoem.ask(
        form=form,
        first_line=first_line,
        heads=heads,
        keep_form=keep_form,
        rhyming=rhyming,
        temperature=temperature,
        seed=seed,
    )
    async with aclosing(LINEUP.answers(wish, models, web)) as steps:
        async for *output, said in steps:
            yield *output, said, next(iter(said.values()), "")


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


LINEUP = Lineup(ComposePoem, "poetry", POSTER, upright, checked)
POETRY = Demo("poetry", TITLE, LINE, POSTER, draw, needs=ComposePoem)
