"""What stands beside a model's main figure so that people can read it: one ladder for each figure.

Imports nothing heavy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aigc_core.metrics.perturbations import LADDER
from aigc_core.text import Text


@dataclass(frozen=True)
class Ladder:
    """The rungs of one figure.

    Args:
        of: what they are, as the card's front matter names them: `FID of real digits, ...`.
        title: of the part of the card.
        intro: the sentences below it there.
        lede: what a page says above the bars.
        subject: head of the rungs' column.
        steps: the names of the rungs by their ids.
        logarithmic: whether bars grow with the logarithm.
    """

    of: str
    title: Text
    intro: Text
    lede: Text
    subject: Text
    steps: Mapping[str, Text]
    logarithmic: bool = False


FID = Ladder(
    of="real digits",
    title=Text("How to read the FID", "如何解读 FID"),
    intro=Text(
        "Real test digits after damage that anyone can picture, against the same training digits "
        "and in the same feature space. An FID falls with the number of pictures, and differs from "
        "draw to draw (±, where it was measured over several).",
        "对真实测试数字施加直观的破坏后，以同样的训练数字和特征空间测得的 FID。"
        "图片越多，FID 越低；每次抽样也有差异（多次测量时以 ± 标出）。",
    ),
    lede=Text(
        "What the FID sees: real test digits, spoiled on purpose. Bars grow with the logarithm.",
        "FID 看到了什么：故意破坏真实测试数字。条形按对数增长。",
    ),
    subject=Text("pictures", "图片"),
    steps={step.id: step.name for step in LADDER},
    logarithmic=True,
)

NATS = Ladder(
    of="the same text",
    title=Text("How to read the nats", "如何解读每字符纳特"),
    intro=Text(
        "The same unseen characters, predicted in simpler ways: each equally likely, or by what "
        "followed the last few characters in the training text (interpolated Kneser-Ney "
        "smoothing, [Chen & Goodman 1999](https://doi.org/10.1006/csla.1999.0128)). What others "
        "published was not measured here.",
        "以更简单的方法预测同样的未见字符：各字符等概率，或依据训练文本中紧随前几个字符之后出现的字符"
        "（插值 Kneser-Ney 平滑，[Chen & Goodman 1999](https://doi.org/10.1006/csla.1999.0128)）。"
        "他人公布的数字并非在此测得。",
    ),
    lede=Text(
        "What a character of the same unseen text costs by simpler means, in nats.",
        "以更简单的方法预测同样的未见文本时，每个字符的代价（纳特）。",
    ),
    subject=Text("predicted by", "预测方法"),
    steps={
        "uniform": Text("every character equally likely", "各字符等概率"),
        "unigram": Text("how often characters occur", "字符频率"),
        "bigram": Text("the character before", "前 1 个字符"),
        "trigram": Text("the two characters before", "前 2 个字符"),
        "five-gram": Text("the four characters before", "前 4 个字符"),
        "six-gram": Text("the five characters before", "前 5 个字符"),
        "nanogpt-cpu": Text("nanoGPT, its settings for a CPU", "nanoGPT 的 CPU 配置"),
        "nanogpt-gpu": Text("nanoGPT, its settings for a GPU", "nanoGPT 的 GPU 配置"),
    },
)

LADDERS: dict[str, Ladder] = {"fid": FID, "nats_char": NATS}
