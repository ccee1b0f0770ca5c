"""What can be asked of `aigc_core.studies`: questions that take several runs of several models."""

from typing import ClassVar, Literal

from aigc_core.tasks.base import Choice, Request, parameter, seed_parameter
from aigc_core.tasks.image import AnyLabel, count_parameter, label_parameter
from aigc_core.text import Text

COUNTS = (200, 500, 1000, 2000, 5000)


class CompareModels(Request):
    """Ask several models for the same pictures, to look at them side by side."""

    task: ClassVar[str] = "compare-models"
    title: ClassVar[Text] = Text("Side by side", "并排比较")

    label: AnyLabel = label_parameter(several=True)
    count: int = count_parameter(30)
    seed: int = seed_parameter()
    models: tuple[str, ...] = parameter(
        (),
        Text("Models", "模型"),
        Text("Which models to ask; all where none is named.", "要比较哪些模型；不指定则为全部。"),
    )


class MeasureQuality(Request):
    """Measure how good a model's pictures are, as they come or spoiled on purpose."""

    task: ClassVar[str] = "measure-quality"
    title: ClassVar[Text] = Text("How good is it?", "质量如何？")

    count: Literal[200, 500, 1000, 2000, 5000] = parameter(
        500,
        Text("Sample size", "样本量"),
        Text(
            "How many pictures are drawn and judged. A figure depends on it.",
            "绘制并评判多少幅图。指标的数值与它有关。",
        ),
        choices=tuple(Choice(n, Text(f"{n:,}", f"{n:,}")) for n in COUNTS),
    )
    damage: Literal["none", "shift", "threshold", "noise", "repeat", "blur", "missing"] = parameter(
        "none",
        Text("Damage", "破坏"),
        Text(
            "What is done to the pictures before they are judged, to see which figures notice.",
            "评判前对图片做什么，以便看出哪些指标能察觉。",
        ),
        choices=(
            Choice("none", Text("none", "无")),
            Choice("shift", Text("shift", "平移")),
            Choice("threshold", Text("threshold", "二值化")),
            Choice("noise", Text("noise", "噪声")),
            Choice("repeat", Text("repeat fifty", "重复五十幅")),
            Choice("blur", Text("blur", "模糊")),
            Choice("missing", Text("drop a digit", "去掉一个数字")),
        ),
    )
    seed: int = seed_parameter()
    nearest: bool = parameter(
        False,
        Text("Nearest training digits", "最近的训练数字"),
        Text(
            "Also search all 60,000 training digits for copies; takes longer.",
            "同时在全部 60,000 个训练数字中查找是否照抄；耗时更长。",
        ),
    )
