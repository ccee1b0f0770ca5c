"""Summarise: the sentences that tell most of a text, beside what pretrained models write of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.tasks import SummariseText
from aigc_core.text import Text
from apps.text.lineup import Lineup, Stage
from apps.text.marked import marked
from apps.text.sampling import FIELDS, draw_sampling, renewed
from apps.ui.controls import control
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.runs import KEPT, guarded

POSTER = Path(__file__).parent / "posters" / "summarise.txt"
TITLE = Text("Summarise", "摘要")
LINE = Text(
    "One algorithm chooses sentences of the text; pretrained models write new ones.",
    "一种算法从原文中挑选句子；预训练模型则自己写。",
)
HOW = Text(
    "TextRank (Mihalcea and Tarau, 2004) links sentences that share words and lets them vote for "
    "one another, as PageRank does with web pages; the sentences with the most votes are the "
    "summary, and it cannot say anything that the text does not. A language model writes its own "
    "sentences, mostly better ones, and may add what is not there: read both.",
    "TextRank（Mihalcea 与 Tarau，2004）把用词相近的句子连起来，让它们像 PageRank 中的网页那样"
    "互相投票；得票最多的句子就是摘要，绝不会说出原文没有的话。"
    "语言模型用自己的话写，通常更好，却可能添上原文没有的内容：请对照阅读。",
)
FROM = Text("Chosen from the text", "选自原文")
EXAMPLES = {
    "Tides": (
        "Twice a day the sea rises and falls along most coasts. The Moon pulls on the whole Earth, "
        "but it pulls harder on the water that faces it than on the ground below, and harder on "
        "the ground than on the water at the far side. So the water bulges towards the Moon on one "
        "side and away from it on the other. As the Earth turns, each coast passes through both "
        "bulges, and the tide comes in twice. The Sun does the same, but it is so much farther "
        "away that its tides are less than half as high. When Sun and Moon stand in one line, at "
        "new moon and at full moon, their tides add up, and the water rises highest. When they "
        "stand at a right angle, the tides are lowest. The shape of the coast matters as much: in "
        "the Bay of Fundy the water rises by more than twelve metres, because the bay is just long "
        "enough for the tide to swing in it like water in a bath. In the Mediterranean, which is "
        "almost closed, the tides are hardly noticed."
    ),
    "造纸": (
        "造纸术是中国古代的四大发明之一。在纸出现以前，人们把文字刻在甲骨上，写在竹简和丝帛上。"
        "竹简笨重，一部书要装好几车；丝帛轻便，价钱却很贵，普通人用不起。西汉时已经有了用麻做的纸，"
        "但是质地粗糙，不便书写。东汉的蔡伦总结了前人的经验，改进了造纸的方法。"
        "他用树皮、麻头、破布和旧渔网作原料，先把它们切碎煮烂，再捣成纸浆，然后用细帘捞起，"
        "晾干以后就成了纸。这样造出的纸又轻又薄，原料容易得到，价钱也便宜，于是很快推广开来。"
        "后来造纸术传到朝鲜和日本，又经阿拉伯人传到欧洲。纸的普及使书籍变得便宜，"
        "知识不再只属于少数人，造纸术因此对世界文明产生了深远的影响。"
    ),
}


def draw() -> None:
    """Draws the demo into the current context."""
    stage = Stage(LINEUP)
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5):
            stage.draw_panes()
        with gr.Column(scale=2, elem_classes=["controls"]):
            text = control(
                SummariseText,
                "text",
                value=EXAMPLES["Tides"],
                lines=6,
                info=None,
                elem_id="summarise-text",
            )
            sentences = control(SummariseText, "sentences", info=None)
            stage.draw_buttons(TITLE)
            gr.Examples(
                [[words] for words in EXAMPLES.values()],
                [text],
                example_labels=list(EXAMPLES),
                label=t(Text("Try", "试试")),
            )
            stage.draw_chips()
            sampling = draw_sampling(SummariseText)
    gr.HTML(lede(HOW), padding=False)

    job = renewed(stage.go, sampling).then(
        summarise,
        [text, sentences, stage.models, *sampling.fields],
        stage.outputs,
        api_name="text_summarise",
        **KEPT,
    )
    stage.wire(job)


def chosen(artifacts: Sequence[Artifact]) -> str:
    """The text with the sentences marked that are the summary; nothing where it has its own."""
    record = artifacts[0].record
    if not (found := record.details.get("sentences")):
        return ""
    text = str(record.request.get("text", ""))
    return f'<h3 class="from">{both(FROM)}</h3>{marked(text, found)}'


@guarded
async def summarise(
    text: Any,
    sentences: Any,
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
    wish = SummariseText.ask(text=text, sentences=sentences, **values)
    async with aclosing(LINEUP.answers(wish, models, web)) as steps:
        async for output in steps:
            yield output


LINEUP = Lineup(SummariseText, "summarise", POSTER, more=chosen)
SUMMARISE = Demo("summarise", TITLE, LINE, POSTER, draw, needs=SummariseText)
