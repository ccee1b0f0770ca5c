"""What can be asked about the attention of a Transformer."""

import re
from typing import Any, ClassVar

from aigc_core.errors import InvalidRequest
from aigc_core.tasks.base import Prose, Request, text_parameter
from aigc_core.text import Text

# Beyond it nobody can read a map, and the weights of a large model fill the memory.
LONGEST = 400
HEAD = re.compile(r"\d{1,3}\.\d{1,3}")


def sentence_parameter() -> Any:
    return text_parameter(
        "The king is dead, and the queen is",
        Text("Text", "文本"),
        Text("The text that the model reads.", "模型读取的文本。"),
        longest=LONGEST,
        shortest=2,
    )


class AttendText(Request):
    """Where the heads of a model look, and what comes next, with some of them switched off.

    The result is `Numbers` with the axes (layer, head, token, looks at): the weights of all heads,
    those that are off too. `details` hold `tokens` (their texts) and `next`: [text, p, q] of the
    likeliest next tokens, p by the whole model and q without the heads in `off`, and `moved`, the
    Kullback-Leibler divergence in nats of the second from the first.
    """

    task: ClassVar[str] = "attend-text"
    title: ClassVar[Text] = Text("Look at attention", "查看注意力")

    text: Prose = sentence_parameter()
    off: Prose = text_parameter(
        "",
        Text("Heads off", "关闭的头"),
        Text(
            "Heads that add nothing, as layer.head from 0, with spaces between: 0.1 3.2",
            "不起作用的头，写成 层.头，从 0 数起，以空格分隔：0.1 3.2",
        ),
        longest=2000,
    )

    @property
    def heads_off(self) -> frozenset[tuple[int, int]]:
        """(layer, head) of each head in `off`.

        Raises:
            InvalidRequest: something in it is no head.
        """
        words = self.off.split()
        for word in words:
            if not HEAD.fullmatch(word):
                raise InvalidRequest(
                    Text(
                        "“{word}” is no head; write layer.head, such as 0.1.",
                        "“{word}”不是注意力头；请写成 层.头，如 0.1。",
                    ),
                    word=word[:12].translate({ord("<"): "‹", ord(">"): "›"}),
                )
        pairs = (word.split(".") for word in words)
        return frozenset((int(layer), int(head)) for layer, head in pairs)


class RankHeads(Request):
    """How much each head matters for the next token: each is switched off alone.

    The result is `Numbers` with the axes (layer, head): the Kullback-Leibler divergence in nats of
    the next-token distribution without the head from that with all (as Michel et al. 2019,
    https://arxiv.org/abs/1905.10650, switch heads off). `details` hold `tokens`.
    """

    task: ClassVar[str] = "rank-heads"
    title: ClassVar[Text] = Text("Which heads matter", "哪些头重要")

    text: Prose = sentence_parameter()
