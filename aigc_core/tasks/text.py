"""What can be asked of language models."""

from typing import Any, ClassVar

from aigc_core.tasks.base import Prose, Request, parameter, seed_parameter, text_parameter
from aigc_core.text import Text

LONGEST_PROMPT = 20_000
MOST_TOKENS = 1024


def temperature_parameter() -> Any:
    return parameter(
        0.7,
        Text("Temperature", "温度"),
        Text(
            "Divides the logits before a token is drawn: less is more predictable, 0 always takes "
            "the likeliest token.",
            "抽取词元前对 logits 的除数：越小越可预测，0 表示总取概率最大的词元。",
        ),
        ge=0.0,
        le=2.0,
        step=0.05,
    )


def top_p_parameter() -> Any:
    return parameter(
        0.95,
        Text("Top-p", "Top-p"),
        Text(
            "Draws from the likeliest tokens alone, as many as together have this probability.",
            "只从概率最大的词元中抽取，取到累计概率达到此值为止。",
        ),
        ge=0.05,
        le=1.0,
        step=0.05,
    )


class ContinueText(Request):
    """Continue a text, token by token."""

    task: ClassVar[str] = "continue-text"
    title: ClassVar[Text] = Text("Continue a text", "续写文本")

    prompt: Prose = text_parameter(
        "Once upon a time",
        Text("Prompt", "提示词"),
        Text("The text to go on from.", "要续写的文本。"),
        longest=LONGEST_PROMPT,
        shortest=1,
    )
    tokens: int = parameter(
        128,
        Text("Tokens", "词元数"),
        Text(
            "How many tokens to write at most; the model may end sooner.",
            "最多写多少个词元；模型可能提前结束。",
        ),
        ge=1,
        le=MOST_TOKENS,
        step=1,
    )
    temperature: float = temperature_parameter()
    top_p: float = top_p_parameter()
    seed: int = seed_parameter()
