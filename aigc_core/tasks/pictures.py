"""What can be asked of models that draw what a text says."""

from typing import Any, ClassVar

from aigc_core.tasks.base import (
    Prose,
    Request,
    next_seed,
    parameter,
    seed_parameter,
    text_parameter,
)
from aigc_core.text import Text

LONGEST_PROMPT = 2000


def prompt_parameter(default: str, label: Text, help: Text) -> Any:
    return text_parameter(default, label, help, longest=LONGEST_PROMPT)


def side_parameter(label: Text, help: Text) -> Any:
    return parameter(512, label, help, ge=64, le=2048, step=8, multiple_of=8, unit="px")


class TextToImage(Request):
    """Draw what a text says. Picture i of a request is the one that seed + i makes alone."""

    task: ClassVar[str] = "text-to-image"
    title: ClassVar[Text] = Text("Draw from words", "以文生图")

    prompt: Prose = prompt_parameter(
        "A lighthouse at dusk, watercolour",
        Text("Prompt", "提示词"),
        Text("What the picture is to show.", "图片要表现的内容。"),
    )
    negative: Prose = prompt_parameter(
        "",
        Text("Negative prompt", "反向提示词"),
        Text(
            "What it is to stay away from; models without guidance do not read it.",
            "要避开的内容；不用引导的模型不会读取。",
        ),
    )
    steps: int = parameter(
        4,
        Text("Steps", "步数"),
        Text(
            "Denoising steps: 1 to 4 for distilled models, 20 to 50 for others.",
            "去噪步数：蒸馏模型 1 到 4 步，其他模型 20 到 50 步。",
        ),
        ge=1,
        le=100,
        step=1,
    )
    guidance: float = parameter(
        1.0,
        Text("Guidance scale", "引导系数"),
        Text(
            "How far each step is pushed towards the prompt: up to 1 there is no such push, as "
            "distilled models want it; others take 5 to 8.",
            "每一步向提示词推进的力度：不超过 1 表示不引导，适合蒸馏模型；其他模型用 5 到 8。",
        ),
        ge=0.0,
        le=20.0,
        step=0.1,
    )
    width: int = side_parameter(Text("Width", "宽"), Text("Of the picture.", "图片的宽度。"))
    height: int = side_parameter(Text("Height", "高"), Text("Of the picture.", "图片的高度。"))
    count: int = parameter(
        1,
        Text("How many", "数量"),
        Text("How many pictures to draw.", "要画多少幅。"),
        ge=1,
        le=16,
        step=1,
    )
    seed: int = seed_parameter()

    def seed_of(self, place: int) -> int:
        """The seed that makes one picture of the request alone."""
        return next_seed(self.seed, place)
