"""What can be asked of image models that know the way back, from a picture to its latent."""

import base64
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from aigc_core.tasks.base import Request, next_seed, parameter, seed_parameter
from aigc_core.tasks.image import DigitLabel, label_parameter
from aigc_core.text import Text

SIDE = 28
# Standard deviations of the prior; hardly a latent lies farther out.
REACH = 4.0
# Samples of the latent in the importance-weighted bound, wherever it is told.
IW_SAMPLES = 50


def whole(value: str) -> str:
    """A picture of the right size, or a ValueError."""
    length = len(base64.b64decode(value, validate=True))
    if length != SIDE * SIDE:
        raise ValueError(f"{length} bytes are not {SIDE} x {SIDE}")
    return value


Picture = Annotated[str, AfterValidator(whole)]


def picture_parameter() -> Any:
    return parameter(
        base64.b64encode(bytes(SIDE * SIDE)).decode(),
        Text("Picture", "图片"),
        Text(
            "A digit of 28x28 grey pixels, white on black: its bytes row by row, in Base64.",
            "28x28 灰度、黑底白字的数字：逐行字节的 Base64 编码。",
        ),
        picture=True,
    )


class EncodeImage(Request):
    """Read a picture: its latent, what comes back of it, and what it costs in nats."""

    task: ClassVar[str] = "encode-image"
    title: ClassVar[Text] = Text("Read a picture", "读懂一幅图")

    picture: Picture = picture_parameter()
    label: DigitLabel = label_parameter(several=False)
    seed: int = seed_parameter()


class VaryImage(Request):
    """Draw pictures like a given one, rows of them at growing distance from its latent."""

    task: ClassVar[str] = "vary-image"
    title: ClassVar[Text] = Text("Vary a picture", "画出变体")

    picture: Picture = picture_parameter()
    label: DigitLabel = label_parameter(several=False)
    distance: float = parameter(
        1.0,
        Text("Distance", "距离"),
        Text(
            "How far the last row goes: 0 stays at the picture, 1 leaves nothing of it.",
            "最后一行走多远：0 停在原图，1 则与原图无关。",
        ),
        ge=0.0,
        le=1.0,
        step=0.05,
    )
    rows: int = parameter(
        5, Text("Rows", "行数"), Text("Rows of pictures.", "图片的行数。"), ge=1, le=10, step=1
    )
    columns: int = parameter(
        8,
        Text("Columns", "列数"),
        Text("Pictures in a row.", "每行的图片数。"),
        ge=1,
        le=10,
        step=1,
    )
    seed: int = seed_parameter()

    def seed_of(self, column: int) -> int:
        """The seed of the noise that a column of pictures goes towards."""
        return next_seed(self.seed, column)


class FindNeighbours(Request):
    """Find the training pictures whose latents lie nearest to that of a picture."""

    task: ClassVar[str] = "find-neighbours"
    title: ClassVar[Text] = Text("Find its neighbours", "寻找近邻")

    picture: Picture = picture_parameter()
    label: DigitLabel = label_parameter(several=False)
    count: int = parameter(
        8,
        Text("How many", "数量"),
        Text("How many neighbours to find.", "要找多少个近邻。"),
        ge=1,
        le=100,
        step=1,
    )


def coordinate(label: Text, default: float = 0.0) -> Any:
    return parameter(
        default,
        label,
        Text(
            "A coordinate on the map, in standard deviations of the prior.",
            "地图上的坐标，以先验的标准差为单位。",
        ),
        ge=-REACH,
        le=REACH,
        step=0.01,
    )


class DecodeLatent(Request):
    """Draw the picture at a point of a two-dimensional latent space."""

    task: ClassVar[str] = "decode-latent"
    title: ClassVar[Text] = Text("Draw a point of the map", "画出地图上的一点")

    x: float = coordinate(Text("x", "x"))
    y: float = coordinate(Text("y", "y"))


class MapLatent(Request):
    """Draw the pictures at the points of a grid over a two-dimensional latent space."""

    task: ClassVar[str] = "map-latent"
    title: ClassVar[Text] = Text("Draw the map", "画出地图")

    columns: int = parameter(
        20,
        Text("Columns", "列数"),
        Text("Pictures along each side.", "每边的图片数。"),
        ge=2,
        le=40,
        step=1,
    )
    reach: float = parameter(
        3.0,
        Text("Reach", "范围"),
        Text(
            "The map goes from minus this to this, in standard deviations of the prior.",
            "地图从负的该值到正的该值，以先验的标准差为单位。",
        ),
        ge=0.5,
        le=REACH,
        step=0.1,
    )


class WalkLatent(Request):
    """Walk in a straight line between two points of a two-dimensional latent space."""

    task: ClassVar[str] = "walk-latent"
    title: ClassVar[Text] = Text("Walk across the map", "在地图上行走")

    x: float = coordinate(Text("From x", "起点 x"), -2.0)
    y: float = coordinate(Text("From y", "起点 y"))
    x_to: float = coordinate(Text("To x", "终点 x"), 2.0)
    y_to: float = coordinate(Text("To y", "终点 y"))
    steps: int = parameter(
        12,
        Text("Steps", "步数"),
        Text("How many pictures, both ends included.", "共多少幅，含两端。"),
        ge=2,
        le=60,
        step=1,
    )
