"""Write: a story, news, a poem or a script to a brief; a long text by parts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest
from aigc_core.tasks import ComposePoem, Request, WriteText
from aigc_core.text import Text
from apps.text.lineup import Lineup, Stage
from apps.text.sampling import FIELDS, draw_sampling, renewed
from apps.ui.controls import control
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import KEPT, QUIET, guarded

POSTER = Path(__file__).parent / "posters" / "write.txt"
TITLE = Text("Write", "写作")
LINE = Text(
    "Give a brief and a genre; a long text is outlined first, then written section by section.",
    "给出要求和体裁，写成文章；长文先列提纲，再逐节写成。",
)
HOW = Text(
    "Our own models write only the kind of text they were trained on: those of Shakespeare "
    "continue your brief as a scene, those of Tang verse begin a quatrain with it. "
    "Pretrained models write all four genres, in the language of the brief. Each section is "
    "written with the outline and the end of the text so far in view, so that the parts join.",
    "我们的模型只会写训练时读过的体裁：莎士比亚模型把你的要求当作一场戏的开头接着写，"
    "唐诗模型以它开头作一首绝句。预训练模型四种体裁都能写，语言随要求而定。"
    "每一节都对照提纲和前文的结尾来写，因此前后相连。",
)
NOBODY = Text(
    "Only pretrained models write this genre, and none of them is on this machine. Ours write "
    "scripts and poems.",
    "这种体裁只有预训练模型能写，而本机还没有。我们的模型可以写剧本和诗歌。",
)
OUTLINE = Text("Outline", "提纲")
EXAMPLES = (
    ("ROMEO:\nThe night is cold, and yet", "script"),
    ("明月照高楼", "poem"),
    ("A lighthouse keeper finds a letter in a bottle.", "story"),
    ("村里的老茶馆要拆了。", "news"),
)


def draw() -> None:
    """Draws the demo into the current context."""
    stage = Stage(LINEUP)
    brief, genre = EXAMPLES[0]
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5):
            nobody = gr.HTML(unable(genre), padding=False, elem_id="write-nobody")
            stage.draw_panes(genre)
        with gr.Column(scale=2, elem_classes=["controls"]):
            text = control(WriteText, "brief", value=brief, lines=3, info=None, elem_id="brief")
            kind = control(WriteText, "genre", value=genre, info=None, elem_id="genre")
            parts = control(WriteText, "parts", info=None)
            stage.draw_buttons(TITLE)
            gr.Examples(
                [list(pair) for pair in EXAMPLES],
                [text, kind],
                example_labels=[words.replace("\n", " ") for words, _ in EXAMPLES],
                label=t(Text("Try", "试试")),
            )
            stage.draw_chips()
            sampling = draw_sampling(WriteText)
    gr.HTML(lede(HOW), padding=False)

    kind.change(possible, kind, nobody, **QUIET)
    job = renewed(stage.go, sampling).then(
        write,
        [text, kind, parts, stage.models, *sampling.fields],
        stage.outputs,
        api_name="text_write",
        **KEPT,
    )
    stage.wire(job, choice=kind)


@guarded
async def write(
    brief: Any,
    genre: Any,
    parts: Any,
    models: Any,
    tokens: Any,
    temperature: Any,
    top_p: Any,
    top_k: Any,
    min_p: Any,
    repetition_penalty: Any,
    seed: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    settings = (tokens, temperature, top_p, top_k, min_p, repetition_penalty, seed)
    values = dict(zip(FIELDS, settings, strict=True))
    wish = WriteText.ask(brief=brief, genre=genre, parts=parts, **values)
    if not LINEUP.asked(models, genre):
        raise InvalidRequest(NOBODY)

    def beginning(entry: Entry) -> str:
        """Ours go on with the brief, where it is the beginning of a scene."""
        return f"{wish.brief.strip()}\n\n" if ours(entry) and genre == "script" else ""

    answers = LINEUP.answers(wish, models, web, given=beginning, choice=genre)
    async with aclosing(answers) as steps:
        async for output in steps:
            yield output


def ours(entry: Entry) -> bool:
    """Whether a model was trained here: such models write what they have read."""
    return entry.origin == "scratch"


def able(entry: Entry, genre: Any) -> bool:
    """Whether a model writes a genre."""
    if not ours(entry) or genre is None:
        return True
    return genre == ("poem" if entry.answers(ComposePoem) else "script")


def fitted(entry: Entry, wish: Request) -> Request:
    """The wish as it is put to a model: ours follow no outline and write one section."""
    return wish.model_copy(update={"parts": 1}) if ours(entry) else wish


def outlined(artifacts: Sequence[Artifact]) -> str:
    """The titles of the sections, in order."""
    titles = artifacts[0].record.details.get("outline") or ()
    lines = "".join(f'<li dir="auto">{escape(str(title))}</li>' for title in titles)
    if not lines:
        return ""
    return f'<details class="folded"><summary>{both(OUTLINE)}</summary><ol>{lines}</ol></details>'


def unable(genre: Any) -> str:
    """A line where no model that is here writes a genre."""
    return "" if LINEUP.usual(genre) else f'<p class="notice">{both(NOBODY)}</p>'


@guarded
async def possible(genre: Any, web: gr.Request) -> AsyncIterator[str]:  # noqa: ARG001
    yield unable(genre)


LINEUP = Lineup(WriteText, "write", POSTER, more=outlined, able=able, fitted=fitted)
WRITE = Demo("write", TITLE, LINE, POSTER, draw, needs=WriteText)
