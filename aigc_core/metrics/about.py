"""What only a person can say of a model, as its card shows it: `about/MODEL.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from aigc_core.errors import ModelUnavailable, UnreadableFile
from aigc_core.text import Text

FOLDER = Path(__file__).with_name("about")


@dataclass(frozen=True)
class Paper:
    """A paper that the model follows."""

    title: str
    url: str


@dataclass(frozen=True)
class About:
    """The prose of one card.

    Args:
        task: the hub's name for what the model does.
        what: what it is and how it works, a paragraph.
        limits: what it cannot do, one sentence each.
        papers: what it follows.
    """

    task: str
    what: Text
    limits: tuple[Text, ...]
    papers: tuple[Paper, ...]


def read_about(model: str, folder: Path = FOLDER) -> About:
    """The prose of a model.

    Raises:
        ModelUnavailable: nobody has written it.
        UnreadableFile: it is not TOML, or a part of it is missing.
    """
    path = folder / f"{model}.toml"
    if not path.is_file():
        raise ModelUnavailable(
            model,
            Text(
                "its card needs the file aigc_core/metrics/about/{name}.",
                "生成模型卡需要文件 aigc_core/metrics/about/{name}。",
            ).fill(name=path.name),
        )
    try:
        fields = tomllib.loads(path.read_text("utf-8"))
        return About(
            fields["task"],
            Text(**fields["what"]),
            tuple(Text(**limit) for limit in fields["limits"]),
            tuple(Paper(**paper) for paper in fields["papers"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(
            Text("{name} cannot be read: {why}.", "无法读取 {name}：{why}。"),
            name=path.name,
            why=error,
        ) from error
