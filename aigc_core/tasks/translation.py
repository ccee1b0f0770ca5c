"""What can be asked of translators."""

from typing import ClassVar, Literal

from aigc_core.tasks.base import Choice, Prose, Request, parameter, text_parameter
from aigc_core.text import Text


class TranslateText(Request):
    """Translate between English and Chinese.

    The result is a `Writing`; `details` hold `source` and `tokens`, the texts of the tokens that
    were read and written, `others`, the runners-up of the beam, and `left_out`. Models that can
    show it add `Numbers` with the axes (layer, head, token, looks at): the cross-attention, `role`
    alignment. Several sentences are translated one after the other; the alignment is the last's.
    """

    task: ClassVar[str] = "translate-text"
    title: ClassVar[Text] = Text("Translate", "翻译")

    text: Prose = text_parameter(
        "I don't know what to do tomorrow.",
        Text("Text", "文本"),
        Text("What to translate.", "要翻译的文本。"),
        longest=4000,
        shortest=1,
    )
    to: Literal["zh", "en"] = parameter(
        "zh",
        Text("Into", "译为"),
        Text("The language to translate into.", "目标语言。"),
        choices=(
            Choice("zh", Text("Chinese", "中文")),
            Choice("en", Text("English", "英文")),
        ),
    )
    beams: int = parameter(
        4,
        Text("Beams", "束宽"),
        Text(
            "How many translations are followed at once; 1 takes the likeliest word each time.",
            "同时追踪多少个译文；1 表示每次取概率最大的词。",
        ),
        ge=1,
        le=8,
        step=1,
    )
