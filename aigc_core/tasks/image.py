"""What can be asked of image models."""

from math import ceil, sqrt
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from aigc_core.tasks.base import (
    MAX_SEED,
    Choice,
    Request,
    next_seed,
    parameter,
    seed_parameter,
    spelled,
)
from aigc_core.text import Text

Label = Literal["each", "any", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
MAX_COUNT = 100

DIGITS = tuple(Choice(str(d), Text(str(d), str(d))) for d in range(10))


AnyLabel = Annotated[Label, BeforeValidator(spelled)]


def label_parameter(*, several: bool) -> Any:
    more = (
        Choice("each", Text("0–9", "0–9")),
        Choice("any", Text("any", "任意")),
    )
    return parameter(
        "each" if several else "3",
        Text("Digit", "数字"),
        Text(
            "Which digit to draw; 0–9 takes them in turn, any as often as in the training data.",
            "要画的数字；“0–9”依次画出，“任意”按训练数据中的比例。",
        )
        if several
        else Text("Which digit to draw.", "要画的数字。"),
        choices=(*more, *DIGITS) if several else DIGITS,
    )


def count_parameter(default: int) -> Any:
    return parameter(
        default,
        Text("How many", "数量"),
        Text("How many pictures to draw.", "要画多少幅。"),
        ge=1,
        le=MAX_COUNT,
        step=1,
    )


class SampleImages(Request):
    """Draw pictures from noise. Picture i of a request is the one that seed + i makes alone."""

    task: ClassVar[str] = "sample-images"
    title: ClassVar[Text] = Text("Draw from noise", "从噪声画图")

    label: AnyLabel = label_parameter(several=True)
    count: int = count_parameter(100)
    seed: int = seed_parameter()
    truncation: float = parameter(
        1.0,
        Text("Truncation", "截断"),
        Text(
            "Scales the noise: 1 as trained, less gives more typical and more alike pictures, "
            "more gives stranger ones.",
            "缩放噪声：1 与训练时相同；越小越典型、越相似，越大越奇特。",
        ),
        ge=0.0,
        le=2.0,
        step=0.05,
    )

    def seed_of(self, place: int) -> int:
        """The seed that makes one picture of the request alone."""
        return next_seed(self.seed, place)

    @property
    def columns(self) -> int:
        """Of the sheet on which the pictures are shown: ten digits in turn, else near square."""
        return min(self.count, 10 if self.label == "each" else ceil(sqrt(self.count)))


DigitLabel = Annotated[
    Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], BeforeValidator(spelled)
]


class InterpolateImages(Request):
    """Walk through latent space from one seed's picture to another's."""

    task: ClassVar[str] = "interpolate-images"
    title: ClassVar[Text] = Text("Walk between two seeds", "在两个种子之间漫步")

    seed: int = seed_parameter()
    seed_to: int = parameter(
        1,
        Text("To seed", "终点种子"),
        Text("Where the walk ends.", "漫步的终点。"),
        ge=0,
        le=MAX_SEED,
        step=1,
    )
    label: DigitLabel = label_parameter(several=False)
    path: Literal["slerp", "lerp"] = parameter(
        "slerp",
        Text("Path", "路径"),
        Text(
            "slerp goes along the sphere on which noise lies, lerp straight through its inside.",
            "slerp 沿噪声所在的球面走，lerp 沿直线穿过球体内部。",
        ),
        choices=(
            Choice("slerp", Text("slerp", "slerp（球面）")),
            Choice("lerp", Text("lerp", "lerp（直线）")),
        ),
    )
    steps: int = parameter(
        12,
        Text("Steps", "步数"),
        Text("How many pictures, both ends included.", "共多少幅，含两端。"),
        ge=2,
        le=60,
        step=1,
    )


class TraceImage(Request):
    """Look into a generator while it draws one picture: the activations of each layer."""

    task: ClassVar[str] = "trace-image"
    title: ClassVar[Text] = Text("Look inside", "查看内部")

    seed: int = seed_parameter()
    label: DigitLabel = label_parameter(several=False)
    truncation: float = parameter(
        1.0,
        Text("Truncation", "截断"),
        Text("Scales the noise; 1 as trained.", "缩放噪声；1 与训练时相同。"),
        ge=0.0,
        le=2.0,
        step=0.05,
    )
