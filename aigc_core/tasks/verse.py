"""What can be asked of models of Chinese verse."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from aigc_core.tasks.base import (
    Choice,
    Prose,
    Request,
    parameter,
    seed_parameter,
    spelled,
    text_parameter,
)
from aigc_core.text import Text

Form = Annotated[Literal["5", "7"], BeforeValidator(spelled)]
FORMS = (
    Choice("5", Text("five characters", "五言")),
    Choice("7", Text("seven characters", "七言")),
)


class ComposePoem(Request):
    """A Tang quatrain: four lines of five or of seven characters.

    The result is a `Writing` of four lines, or of what the model wrote where the form is not kept.
    `details` hold `form` ("kept", or what is wrong), `rhyme` (whether the second and fourth line
    rhyme), `chosen` (how many characters were given rather than drawn), `given` (their places in
    the text) and `left_out`. Models that follow instructions are told the wishes; nothing else
    holds them to these.
    """

    task: ClassVar[str] = "compose-poem"
    title: ClassVar[Text] = Text("Compose a quatrain", "作绝句")

    form: Form = parameter(
        "7",
        Text("Line", "句式"),
        Text("How many characters a line has.", "每句多少字。"),
        choices=FORMS,
    )
    first_line: Prose = text_parameter(
        "",
        Text("First line", "首句"),
        Text(
            "The first line or its beginning; nothing for any.",
            "第一句或其开头；留空则任意。",
        ),
        longest=20,
    )
    heads: Prose = text_parameter(
        "",
        Text("Acrostic", "藏头"),
        Text(
            "Up to four characters; each begins one line.",
            "最多四个字，依次作为各句的首字（藏头诗）。",
        ),
        longest=20,
    )
    keep_form: bool = parameter(
        True,
        Text("Keep the form", "严守格式"),
        Text(
            "On, every line has its number of characters and its punctuation; off, the model is "
            "free.",
            "选中时，每句的字数和标点都固定；不选则由模型自由发挥。",
        ),
    )
    rhyming: bool = parameter(
        False,
        Text("Make it rhyme", "押韵"),
        Text(
            "The fourth line must end on the rhyme of the second.",
            "第四句须与第二句押韵。",
        ),
    )
    temperature: float = parameter(
        0.9,
        Text("Temperature", "温度"),
        Text(
            "Divides the logits before sampling: lower is more predictable.",
            "采样前 logits 先除以此值：越小越可预测。",
        ),
        ge=0.0,
        le=2.0,
        step=0.05,
    )
    seed: int = seed_parameter()


class FindPoems(Request):
    """The poems of the training data nearest to a poem.

    The result is a `Writing` of each poem found, nearest first; `details` hold `shared`, the share
    of the poem's runs of three characters that occur in it, `longest`, the longest run of
    characters common to both, and `title` and `author` of what was found.
    """

    task: ClassVar[str] = "find-poems"
    title: ClassVar[Text] = Text("Nearest training poems", "最相近的训练诗")

    poem: Prose = text_parameter(
        "床前明月光，疑是地上霜。举头望明月，低头思故乡。",
        Text("Poem", "诗"),
        Text("The poem to compare.", "要比较的诗。"),
        longest=400,
        shortest=1,
    )
    count: int = parameter(
        3,
        Text("How many", "数量"),
        Text("How many poems to find.", "找出多少首。"),
        ge=1,
        le=20,
        step=1,
    )


class WalkVerse(Request):
    """A walk through the latent space of a text VAE, from one line of verse to another.

    The result is one `Writing` of `steps` lines. `details` hold for both ends `read`, the line as
    the VAE gives it back, and `left_out`.
    """

    task: ClassVar[str] = "walk-verse"
    title: ClassVar[Text] = Text("Between two lines", "两句之间")

    line: Prose = text_parameter(
        "明月松间照",
        Text("From", "起点"),
        Text("A line of verse, of five or seven characters.", "一句诗，五字或七字。"),
        longest=20,
        shortest=1,
    )
    line_to: Prose = text_parameter(
        "清泉石上流",
        Text("To", "终点"),
        Text("A line of verse, of five or seven characters.", "一句诗，五字或七字。"),
        longest=20,
        shortest=1,
    )
    steps: int = parameter(
        9,
        Text("Steps", "步数"),
        Text("How many lines, both ends included.", "共多少句，含两端。"),
        ge=2,
        le=25,
        step=1,
    )
    path: Literal["slerp", "lerp"] = parameter(
        "slerp",
        Text("Path", "路径"),
        Text(
            "slerp goes along the sphere on which latents lie, lerp straight through its inside.",
            "slerp 沿潜变量所在的球面走，lerp 沿直线穿过球体内部。",
        ),
        choices=(
            Choice("slerp", Text("slerp", "slerp（球面）")),
            Choice("lerp", Text("lerp", "lerp（直线）")),
        ),
    )


class SampleVerse(Request):
    """Lines of verse from nothing. Line i of a request is the one that seed + i makes alone.

    The result is a `Writing` of each line. Models with several policies, such as a text GAN beside
    its start, are several models.
    """

    task: ClassVar[str] = "sample-verse"
    title: ClassVar[Text] = Text("Write lines of verse", "生成诗句")

    count: int = parameter(
        12,
        Text("How many", "数量"),
        Text("How many lines to write.", "生成多少句。"),
        ge=1,
        le=100,
        step=1,
    )
    temperature: float = parameter(
        1.0,
        Text("Temperature", "温度"),
        Text(
            "Divides the logits before sampling: lower is more predictable, and more alike.",
            "采样前 logits 先除以此值：越小越可预测，也越雷同。",
        ),
        ge=0.1,
        le=2.0,
        step=0.05,
    )
    seed: int = seed_parameter()
