"""Ask a passage: an answer from a text, and the places in it that bear it out."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.tasks import AnswerQuestion
from aigc_core.text import Text
from apps.text.lineup import Lineup, Stage
from apps.text.marked import joined, marked
from apps.text.sampling import FIELDS, draw_sampling, renewed
from apps.text.summarising import EXAMPLES as PASSAGES
from apps.ui.controls import control
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import KEPT, guarded

POSTER = Path(__file__).parent / "posters" / "ask.txt"
TITLE = Text("Ask a passage", "向文段提问")
LINE = Text(
    "An answer from the passage alone, and the place where it stands, so that you can check.",
    "只依据文段作答，并标出依据所在，便于核对。",
)
HOW = Text(
    "BM25 (Robertson and others, 1994) finds the sentences that share the most words with the "
    "question, rare words counting most. It understands nothing: put the question in other words "
    "and it may miss. A language model reads the passage and answers in its own words; the marks "
    "show what it quotes, or else the sentence closest to its answer. No mark means that no "
    "support was found: doubt the answer.",
    "BM25（Robertson 等，1994）找出与问题共有词语最多的句子，越少见的词分量越重；"
    "它并不理解内容，换个说法就可能找不到。语言模型读过文段后用自己的话作答，标记处是它引用的原文，"
    "没有引文时则是与回答最接近的句子。没有标记，说明没找到依据，回答须存疑。",
)
STANDS = Text("Where it stands", "依据所在")
NOWHERE = Text(
    "Nothing in the passage was found to bear this out.", "在文段中没有找到这一回答的依据。"
)
QUESTIONS = (
    ("Tides", "Why are the tides in the Bay of Fundy so high?"),
    ("Tides", "When are the tides lowest?"),
    ("造纸", "蔡伦用什么原料造纸？"),
)
# Of a longer passage only so much is shown around a mark, in characters.
WHOLE, AROUND = 1500, 240


def draw() -> None:
    """Draws the demo into the current context."""
    stage = Stage(LINEUP)
    first, question_first = QUESTIONS[0]
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5):
            stage.draw_panes()
        with gr.Column(scale=2, elem_classes=["controls"]):
            question = control(
                AnswerQuestion,
                "question",
                value=question_first,
                lines=2,
                info=None,
                elem_id="ask-question",
            )
            passage = control(
                AnswerQuestion,
                "passage",
                value=PASSAGES[first],
                lines=6,
                info=None,
                elem_id="ask-passage",
            )
            stage.draw_buttons(Text("Ask", "提问"))
            gr.Examples(
                [[PASSAGES[text], words] for text, words in QUESTIONS],
                [passage, question],
                example_labels=[words for _, words in QUESTIONS],
                label=t(Text("Try", "试试")),
            )
            stage.draw_chips()
            sampling = draw_sampling(AnswerQuestion)
    gr.HTML(lede(HOW), padding=False)

    job = renewed(stage.go, sampling).then(
        ask,
        [passage, question, stage.models, *sampling.fields],
        stage.outputs,
        api_name="text_ask",
        **KEPT,
    )
    stage.wire(job)


def where(artifacts: Sequence[Artifact]) -> str:
    """The passage, or the parts of a long one, with what bears the answer out marked."""
    record = artifacts[0].record
    passage, quotes = str(record.request.get("passage", "")), record.details.get("quotes")
    if not joined(quotes, len(passage)):
        return f'<p class="note">{both(NOWHERE)}</p>'
    around = AROUND if len(passage) > WHOLE else None
    return f'<h3 class="from">{both(STANDS)}</h3>{marked(passage, quotes, around)}'


@guarded
async def ask(
    passage: Any,
    question: Any,
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
    wish = AnswerQuestion.ask(passage=passage, question=question, **values)
    async with aclosing(LINEUP.answers(wish, models, web)) as steps:
        async for output in steps:
            yield output


LINEUP = Lineup(AnswerQuestion, "ask", POSTER, more=where)
ASK = Demo("ask", TITLE, LINE, POSTER, draw, needs=AnswerQuestion)
