"""Poetry: a quatrain in the Tang style from a first line, as an acrostic, or from nothing."""

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
from apps.text.sampling import draw_fields, renewed
from apps.ui.controls import control
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import KEPT, guarded, outcome

POSTER = Path(__file__).parent / "posters" / "poetry.txt"
TITLE = Text("Poetry", "作诗")
LINE = Text(
    "A quatrain in the Tang style: from a first line, as an acrostic, or from nothing.",
    "写一首唐诗风格的绝句：给首句、藏头，或凭空而作。",
)
HOW = Text(
    "Our models can be held to the form and to a rhyme: before each draw, every character "
    "that would break them is ruled out. Pretrained models only get the wish in words; the "
    "check below each poem shows how well they kept to it.",
    "我们的模型可以严守格式，也可以强制押韵：每次采样前先排除不合要求的字。"
    "预训练模型只收到文字要求，是否做到，看诗下的检查。",
)
NEAREST = Text("The nearest poems of the training data", "训练数据中最相近的诗")
NEAREST_SAYS = Text(
    "Does it copy? These share the most runs of three characters with the first poem above.",
    "它在照抄吗？以下各首与上面第一首诗相同的三字片段最多。",
)
EXAMPLES = (("7", "", "春江花月"), ("5", "明月出天山", ""), ("5", "", "山水有情"))


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
            rhyming = control(ComposePoem, "rhyming", value=True, info=None)
            stage.draw_buttons(Text("Compose", "作诗"))
            gr.Examples(
                [list(values) for values in EXAMPLES],
                [form, first_line, heads],
                example_labels=[line or "·".join(heads) for _, line, heads in EXAMPLES],
                label=t(Text("Try", "试试")),
            )
            stage.draw_chips()
            with gr.Accordion(t(Text("More", "更多")), open=False):
                drawn = draw_fields(ComposePoem, ("keep_form", "temperature", "seed"))
    gr.HTML(lede(HOW), padding=False)
    gr.HTML(f"<h2>{both(NEAREST)}</h2>{lede(NEAREST_SAYS)}", padding=False)
    near = gr.HTML(padding=False, elem_id="nearest")
    poem = gr.Textbox(visible=False, label="poem")

    job = renewed(stage.go, drawn).then(
        compose,
        [form, first_line, heads, rhyming, stage.models, *drawn.fields],
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
    rhyming: Any,
    models: Any,
    keep_form: Any,
    temperature: Any,
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
