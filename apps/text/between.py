"""Between two lines: a walk through the latents of a text VAE, and a text GAN beside its start."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.media import Writing
from aigc_core.tasks import SampleVerse, WalkVerse
from aigc_core.text import Text
from apps.text.answers import Status, candidates, pieces
from apps.text.lineup import kept
from apps.text.panes import failed, remarks, saved
from apps.text.poems import upright
from apps.text.sampling import draw_fields, renewed
from apps.ui.controls import control, model_choice
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.pages import opened
from apps.ui.panes import pane
from apps.ui.quality import quality_facts
from apps.ui.runs import KEPT, QUIET, guarded, stops

POSTER = Path(__file__).parent / "posters" / "between.txt"
TITLE = Text("Between two lines", "两句之间")
LINE = Text(
    "A text VAE maps every line of verse to a point in a latent space; on the way from one "
    "point to another lie new lines.",
    "文本 VAE 把每句诗编码为潜空间中的一点；从一点走向另一点，沿途解码出新的诗句。",
)
READ = Text(
    "Encoded and decoded, the two ends come back as “{first}” and “{last}”: so few latent "
    "dimensions keep the gist, not every character.",
    "两端编码后再解码，得到“{first}”和“{last}”：潜变量维数很少，记得大意，记不住每个字。",
)
WHOLE = Text("Encoded and decoded, both ends come back whole.", "两端编码后再解码，都完整还原。")
GAN = Text(
    "A text GAN, before and after adversarial training",
    "文本 GAN：对抗训练前后",
)
GAN_SAYS = Text(
    "A text GAN begins as a language model trained by maximum likelihood (its start); then a "
    "discriminator rewards it for lines that look real. Compare both: the usual price is "
    "less variety.",
    "文本 GAN 先以最大似然训练成语言模型（即起点），再由判别器奖励它写得像真诗的句子。"
    "对照两者：常见的代价是诗句趋同。",
)
EXAMPLES = (
    ("两岸猿声啼不住", "轻舟已过万重山"),
    ("明月松间照", "清泉石上流"),
    ("春眠不觉晓", "孤帆一片日边来"),
)


def draw() -> None:
    """Draws the demo into the current context."""
    walkers = default_engine().models(WalkVerse)
    start, end = EXAMPLES[0]
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_classes=["result"]):
            walked = gr.HTML(first(walkers[0]), padding=False, elem_id="between")
        with gr.Column(scale=2, elem_classes=["controls"]):
            line = control(WalkVerse, "line", value=start, lines=1, info=None)
            line_to = control(WalkVerse, "line_to", value=end, lines=1, info=None)
            steps = control(WalkVerse, "steps", info=None)
            go = gr.Button(t(Text("Walk", "漫步")), variant="primary", elem_id="between-go")
            with gr.Row(elem_classes=["small"]):
                stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="between-stop")
            status = gr.HTML(padding=False, elem_id="between-status")
            gr.Examples(
                [list(row) for row in EXAMPLES],
                [line, line_to],
                example_labels=[" → ".join(row) for row in EXAMPLES],
                label=t(Text("Try", "试试")),
            )
            with gr.Accordion(t(Text("More", "更多")), open=False):
                path = control(WalkVerse, "path")
                model = model_choice(walkers, visible=len(walkers) > 1)
    walking = go.click(
        walk,
        [line, line_to, steps, path, model],
        [walked, status],
        api_name="text_walk_verse",
        **KEPT,
    )
    stops(stop, [walking], status)
    draw_gan()


def draw_gan() -> None:
    """The second half of the page, where there are several models to compare."""
    samplers = candidates(SampleVerse)
    if len(samplers) < 2:
        return
    gr.HTML(f"<h2>{both(GAN)}</h2>{lede(GAN_SAYS)}", padding=False)
    with gr.Row(elem_classes=["choices"]):
        drawn = draw_fields(SampleVerse, ("count", "temperature", "seed"))
        with gr.Column(min_width=160):
            again = gr.Button(t(Text("Write new lines", "生成诗句")), elem_id="verse-draw")
            stop = gr.Button(t(Text("Stop", "停止")), size="sm", elem_id="verse-stop")
    with gr.Row(elem_classes=["texts"], elem_id="verses"):
        lines = [gr.HTML(pane(one.short, remarks(one)), padding=False) for one in samplers]
    told = gr.HTML(padding=False, elem_id="verse-status")
    at_once = opened()(sample, drawn.fields, [*lines, told], **QUIET)
    job = renewed(again, drawn).then(
        sample, drawn.fields, [*lines, told], api_name="text_sample_verse", **KEPT
    )
    stops(stop, [at_once, job], told)


@guarded
async def walk(
    line: Any, line_to: Any, steps: Any, path: Any, model: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    request = WalkVerse.ask(line=line, line_to=line_to, steps=steps, path=path)
    wishes = [(model, lambda: request)]
    async with aclosing(pieces(wishes, web)) as stream:
        async for entry, news in stream:
            match news:
                case Status(told):
                    yield gr.skip(), told
                case Writing(text):
                    yield shown(entry, text), gr.skip()
                case Text():
                    yield failed(entry, news), ""
                case _:
                    yield walked_lines(entry, news[0]), ""


def first(entry: Entry) -> str:
    """Before the first walk: the poster's, where it is this model's."""
    artifact = kept(POSTER)
    if artifact is None or artifact.record.model != entry.id:
        return shown(entry, "")
    return walked_lines(entry, artifact)


def walked_lines(entry: Entry, artifact: Artifact) -> str:
    """All lines of a walk, and what became of its ends."""
    assert isinstance(artifact.media, Writing)
    start, end = artifact.record.details["read"]
    asked = artifact.record.request
    whole = (start, end) == (asked["line"], asked["line_to"])
    says = lede(WHOLE if whole else READ.fill(first=start, last=end))
    facts = quality_facts(entry, artifact.record, floors=False)
    aside = f"<span>{saved(artifact)}</span>"
    return pane(entry.short, scroll(artifact.media.text), says, facts, aside=aside)


def shown(entry: Entry, text: str) -> str:
    """A walk as far as it has come."""
    return pane(entry.short, scroll(text), remarks(entry))


def scroll(text: str) -> str:
    """Lines as the columns of a scroll, the first at the right."""
    return f'<div class="scroll">{upright(text)}</div>'


@guarded
async def sample(
    count: Any, temperature: Any, seed: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    request = SampleVerse.ask(count=count, temperature=temperature, seed=seed)
    entries = candidates(SampleVerse)
    wishes = [(entry.id, lambda: request) for entry in entries]

    made: dict[str, str] = {}

    def update(changed: dict[str, str], told: str) -> tuple[Any, ...]:
        return *(changed.get(entry.id, gr.skip()) for entry in entries), told

    async with aclosing(pieces(wishes, web)) as stream:
        async for entry, news in stream:
            match news:
                case Status(told):
                    yield update({}, told)
                case Writing():
                    continue
                case Text():
                    made[entry.id] = failed(entry, news)
                    yield update({entry.id: made[entry.id]}, "")
                case _:
                    lines = [a.media.text for a in news if isinstance(a.media, Writing)]
                    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
                    verses = f'<ol class="verses" lang="zh">{items}</ol>'
                    made[entry.id] = pane(entry.short, verses, remarks(entry))
                    yield update({entry.id: made[entry.id]}, "")
    # All once more, for those who read the last event alone.
    yield update(made, "")


BETWEEN = Demo("between", TITLE, LINE, POSTER, draw, needs=WalkVerse)
