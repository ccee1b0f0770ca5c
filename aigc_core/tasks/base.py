"""What every request is: frozen, validated, and described once for all who need it.

Controls, the API's schema, docstrings, the command line and the error messages are made from the
fields of the request types, so bounds, defaults, labels and help stand nowhere else.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from aigc_core.errors import InvalidRequest
from aigc_core.text import Text

MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Choice:
    """One value of a field with few values, and its name on the chip."""

    value: Any
    name: Text


@dataclass(frozen=True)
class Shown:
    """How a field is shown to people.

    Args:
        label: its name.
        help: one sentence on what it does.
        unit: of its values, such as `px`; empty for counts.
        step: between neighbouring values on a slider.
        choices: all its values, where they are few.
        picture: whether it is a picture, which people give as a file.
        longest: of a text, in characters; 0 for what is no text.
    """

    label: Text
    help: Text
    unit: str = ""
    step: float | None = None
    choices: tuple[Choice, ...] = ()
    picture: bool = False
    longest: int = 0


def parameter(
    default: Any,
    label: Text,
    help: Text,
    *,
    ge: float | None = None,
    le: float | None = None,
    step: float | None = None,
    multiple_of: int | None = None,
    unit: str = "",
    choices: tuple[Choice, ...] = (),
    picture: bool = False,
) -> Any:
    """A field of a request. `ge` and `le` are inclusive bounds; the rest as in `Shown`."""
    shown = Shown(label, help, unit, step, choices, picture)
    return Field(
        default,
        ge=ge,
        le=le,
        multiple_of=multiple_of,
        description=help.en,
        allow_inf_nan=False if isinstance(default, float) else None,
        json_schema_extra={"shown": shown},  # type: ignore[dict-item]
    )


def text_parameter(
    default: str, label: Text, help: Text, *, longest: int, shortest: int = 0
) -> Any:
    """A field of type `Prose`, of so many characters."""
    return Field(
        default,
        min_length=shortest,
        max_length=longest,
        description=help.en,
        json_schema_extra={"shown": Shown(label, help, longest=longest)},  # type: ignore[dict-item]
    )


# Controls that would reorder a page, halves of characters, and C0 and C1 but tab and newline.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def clean(value: Any) -> str:
    """A stranger's text without what is not seen; every kind of line end becomes a newline."""
    if not isinstance(value, str):
        raise ValueError("a text was expected")
    return UNSEEN.sub("", re.sub("\r\n?|[\u0085\u2028\u2029]", "\n", value))


Prose = Annotated[str, BeforeValidator(clean)]
"""Words that people type; see `text_parameter`."""


def spelled(value: Any) -> Any:
    """A digit given as a number, spelled."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def seed_parameter() -> Any:
    return parameter(
        0,
        Text("Seed", "种子"),
        Text(
            "Where the random numbers start: the same seed gives the same result.",
            "随机数的起点：种子相同，结果相同。",
        ),
        ge=0,
        le=MAX_SEED,
        step=1,
    )


def next_seed(seed: int, place: int) -> int:
    """The seed so many places on; after the last comes 0."""
    return (seed + place) % (MAX_SEED + 1)


class Request(BaseModel):
    """One wish. `task` names its kind in records, on the command line and in the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: ClassVar[str]
    title: ClassVar[Text]

    @field_validator("*", mode="before")
    @classmethod
    def true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would read true as 1."""
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise ValueError("a number was expected")
        return value

    @classmethod
    def ask(cls, /, **values: Any) -> Self:
        """The request with these values.

        Raises:
            InvalidRequest: naming the first field that is wrong, its bounds and what was given.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise InvalidRequest(complaint(cls, error)) from None

    @classmethod
    def shown(cls, name: str) -> Shown:
        """How a field is shown."""
        extra = cls.model_fields[name].json_schema_extra
        assert isinstance(extra, dict)
        shown = extra["shown"]
        assert isinstance(shown, Shown)
        return shown

    @classmethod
    def bounds(cls, name: str) -> tuple[float | None, float | None]:
        """A field's inclusive lower and upper bound."""
        return limits(cls.model_fields[name])


def limits(info: FieldInfo) -> tuple[float | None, float | None]:
    return limit(info, "ge"), limit(info, "le")


def limit(info: FieldInfo, name: str) -> Any:
    """One constraint of a field, by pydantic's name for it; None where it has none."""
    return next((getattr(m, name) for m in info.metadata if hasattr(m, name)), None)


def complaint(request: type[Request], error: ValidationError) -> Text:
    """The first validation error as a sentence."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    value = first.get("input")
    given = (
        Text("nothing", "空值")
        if value is None or value == ""
        else Text("“{value}”", "“{value}”").fill(value=brief(value))
    )
    if name not in request.model_fields:
        return Text(
            "{task} has no setting called “{name}”.", "“{task}”没有名为“{name}”的设置。"
        ).fill(task=request.title, name=brief(name))
    shown, (low, high) = request.shown(name), request.bounds(name)
    if shown.picture:
        kind = Text("28x28 grey pixels in Base64", " Base64 编码的 28x28 灰度像素")
    elif request.model_fields[name].annotation is bool:
        kind = Text("true or false", " true 或 false")
    elif shown.choices:
        kind = Text("one of {values}", "以下之一：{values}").fill(
            values=", ".join(str(choice.value) for choice in shown.choices)
        )
    elif shown.longest:
        kind = Text(
            "a text of {low} to {high} characters", "长度为 {low} 到 {high} 个字符的文本"
        ).fill(low=limit(request.model_fields[name], "min_length") or 0, high=f"{shown.longest:,}")
    elif low is not None and high is not None:
        whole = request.model_fields[name].annotation is int
        kind = (
            Text("a whole number from {low} to {high}", " {low} 到 {high} 之间的整数")
            if whole
            else Text("a number from {low} to {high}", " {low} 到 {high} 之间的数")
        ).fill(low=low, high=high)
        if factor := limit(request.model_fields[name], "multiple_of"):
            kind = Text(
                "{kind} that is a multiple of {factor}", "{kind}，且为 {factor} 的倍数"
            ).fill(kind=kind, factor=factor)
    else:
        kind = Text("a valid value", "有效的值")
    return Text(
        "{label} must be {kind}; {given} is not.", "“{label}”必须是{kind}，而不是{given}。"
    ).fill(label=shown.label, kind=kind, given=given)


def brief(value: Any) -> str:
    """A stranger's value, short, without control characters or markup, fit for a message."""
    try:
        text = str(value)[:41]
    except (ValueError, RecursionError):
        text = "…"  # Python does not spell integers of thousands of digits, nor endless lists.
    text = text.translate({ord("<"): "‹", ord(">"): "›"})
    text = "".join(c if c.isprintable() else " " for c in text)
    return text[:40] + "…" if len(text) > 40 else text
