"""What can be asked of language models: to go on with a text, and what they make of one."""

from typing import Any, ClassVar

from aigc_core.errors import InvalidRequest
from aigc_core.tasks.base import Prose, Request, parameter, seed_parameter, text_parameter
from aigc_core.text import Text

LONGEST_PROMPT = 20_000
MOST_TOKENS = 1000


class Sampling(Request):
    """How tokens are drawn. Each filter leaves the likeliest token at least."""

    temperature: float = parameter(
        0.7,
        Text("Temperature", "温度"),
        Text(
            "Divides the logits before sampling: lower is more predictable; 0 always takes the "
            "likeliest token.",
            "采样前 logits 先除以此值：越小越可预测；0 表示总取概率最大的词元。",
        ),
        ge=0.0,
        le=2.0,
        step=0.05,
    )
    top_p: float = parameter(
        0.95,
        Text("Top-p", "Top-p"),
        Text(
            "Samples only from the likeliest tokens that together reach this probability.",
            "只从累计概率达到此值的、概率最大的词元中采样。",
        ),
        ge=0.05,
        le=1.0,
        step=0.05,
    )
    top_k: int = parameter(
        0,
        Text("Top-k", "Top-k"),
        Text(
            "Samples only from this many of the likeliest tokens; 0 means no limit.",
            "只从概率最大的前 k 个词元中采样；0 表示不限。",
        ),
        ge=0,
        le=200,
        step=1,
    )
    min_p: float = parameter(
        0.0,
        Text("Min-p", "Min-p"),
        Text(
            "Leaves out tokens with less than this share of the likeliest one's probability.",
            "舍去概率低于最大概率乘以此值的词元。",
        ),
        ge=0.0,
        le=0.5,
        step=0.01,
    )
    repetition_penalty: float = parameter(
        1.0,
        Text("Repetition penalty", "重复惩罚"),
        Text(
            "Makes tokens that have occurred less likely; 1 leaves them as they are.",
            "降低已出现词元的概率；1 表示不变。",
        ),
        ge=1.0,
        le=2.0,
        step=0.05,
    )
    seed: int = seed_parameter()


def prompt_parameter(default: str, *, shortest: int = 1) -> Any:
    return text_parameter(
        default,
        Text("Prompt", "提示词"),
        Text("The text to go on from.", "要续写的文本。"),
        longest=LONGEST_PROMPT,
        shortest=shortest,
    )


def tokens_parameter(default: int, most: int = MOST_TOKENS) -> Any:
    return parameter(
        default,
        Text("Tokens", "词元数"),
        Text(
            "How many tokens to write at most; the model may end sooner.",
            "最多写多少个词元；模型可能提前结束。",
        ),
        ge=1,
        le=most,
        step=1,
    )


class ContinueText(Sampling):
    """Continue a text, token by token."""

    task: ClassVar[str] = "continue-text"
    title: ClassVar[Text] = Text("Continue a text", "续写文本")

    prompt: Prose = prompt_parameter("Once upon a time")
    tokens: int = tokens_parameter(128)


class ScoreText(Request):
    """What a text costs a model, token by token.

    The result is `Numbers` with the axes (figure, token), the figures being the token's cost
    -log p in nats, the entropy in nats of the distribution that it was drawn from, and its rank
    there, from 1. `details` hold `tokens` (their texts), `characters` and `nats` of all that were
    scored. A first token that nothing comes before is not scored: its column is NaN.
    """

    task: ClassVar[str] = "score-text"
    title: ClassVar[Text] = Text("Score a text", "为文本打分")

    text: Prose = text_parameter(
        "To be, or not to be: that is the question.",
        Text("Text", "文本"),
        Text("The text whose probability is asked for.", "要计算概率的文本。"),
        longest=LONGEST_PROMPT,
        shortest=1,
    )


class TraceText(Sampling):
    """Continue a text and show each choice: the candidates, and how sampling reshapes them.

    The result is a `Writing` of what was written, forced tokens included. `details["steps"]` hold
    for each token `id`, `text`, `entropy` in nats of the model's own distribution, and
    `candidates`: [id, text, p, q] of the likeliest tokens, by falling p, the drawn one always among
    them; p is the model's own probability and q that from which was drawn.
    """

    task: ClassVar[str] = "trace-text"
    title: ClassVar[Text] = Text("Token by token", "逐个词元")

    prompt: Prose = prompt_parameter("To be, or not to be")
    chosen: Prose = text_parameter(
        "",
        Text("Chosen", "已选"),
        Text(
            "Numbers of the tokens that are to come first, with spaces between.",
            "最先写出的词元编号，以空格分隔。",
        ),
        longest=2000,
    )
    tokens: int = tokens_parameter(24, most=64)
    candidates: int = parameter(
        10,
        Text("Candidates", "候选数"),
        Text("How many candidates to show at each step.", "每一步显示多少个候选。"),
        ge=2,
        le=20,
        step=1,
    )

    @property
    def forced(self) -> tuple[int, ...]:
        """The numbers in `chosen`.

        Raises:
            InvalidRequest: something in it is no number.
        """
        return tuple(number(word) for word in self.chosen.split())


def number(word: str) -> int:
    """A token's number, as it was spelled."""
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise InvalidRequest(
            Text("“{word}” is not the number of a token.", "“{word}”不是词元编号。"),
            word=word[:12].translate({ord("<"): "‹", ord(">"): "›"}),
        )
    return int(word)
