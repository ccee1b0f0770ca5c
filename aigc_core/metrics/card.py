"""A model's card: its README.md, whose front matter is the one place where its figures stand.

The front matter is the Hugging Face Hub's model index, so that the hub shows the figures too.
Reading needs no PyTorch.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from aigc_core.errors import UnreadableFile
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.ladders import LADDERS
from aigc_core.text import Text

CARD = "README.md"
FLOOR = "floor"
# The safe one written in C, of which the hub's library makes no use, is ten times faster.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Dataset(NamedTuple):
    """The data that figures refer to: its id on the hub and its name."""

    id: str
    name: str


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Args:
        name: a key of `glossary.METRICS`.
        value: of the model.
        floor: of as many real examples, measured in the same way, or None where that has no sense.
        args: the protocol: n, seed, hashes, settings, and further results; plain YAML values.
        split: of the dataset that the figure refers to.
    """

    name: str
    value: float
    floor: float | None = None
    args: dict[str, Any] = field(default_factory=dict)
    split: str = "train"


@dataclass(frozen=True)
class Rung:
    """What a model's figure is read by: the same figure of something else.

    Args:
        step: an id of the metric's ladder in `ladders.LADDERS`, such as a known perturbation.
        value: the figure.
        args: the protocol, as in a figure.
        metric: the figure's name.
    """

    step: str
    value: float
    args: dict[str, Any] = field(default_factory=dict)
    metric: str = "fid"


@dataclass(frozen=True)
class Card:
    """What a README.md holds.

    Args:
        model: its id.
        task: the hub's name for what it does, such as `image-classification`.
        licence: of the weights, by the hub's id, such as `apache-2.0`.
        dataset: what it was trained on and measured against.
        figures: its figures, in reading order.
        ladder: what its main figure is read by, such as the FID of digits with known damage.
        text: the Markdown below the front matter.
    """

    model: str
    task: str
    licence: str
    dataset: Dataset
    figures: tuple[Figure, ...]
    ladder: tuple[Rung, ...] = ()
    text: str = ""

    def figure(self, name: str) -> Figure | None:
        """The figure of a name, where the card has it."""
        return next((figure for figure in self.figures if figure.name == name), None)


def plain(value: Any) -> Any:
    """A number, or each of several, to six digits, as YAML and JSON write it."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return float(f"{value:.6g}")


def write_card(folder: Path, card: Card) -> Path:
    """Writes the card into a checkpoint's folder."""
    data = ModelCardData(
        model_name=card.model,
        license=card.licence,
        pipeline_tag=card.task,
        datasets=[card.dataset.id],
        eval_results=[
            *(from_figure(card, figure) for figure in card.figures),
            *(from_rung(card, rung) for rung in card.ladder),
        ],
    )
    path = folder / CARD
    ModelCard(f"---\n{data.to_yaml()}\n---\n\n{card.text.strip()}\n").save(path)
    return path


def read_card(folder: Path) -> Card:
    """Reads the card in a checkpoint's folder.

    Raises:
        UnreadableFile: there is none, or its front matter is not a model index.
    """
    path = folder / CARD
    if not path.is_file():
        raise UnreadableFile(
            Text(
                "{model} has no card yet. `python -m aigc_core.metrics {model}` writes it.",
                "{model} 尚无模型卡。运行 `python -m aigc_core.metrics {model}` 可生成。",
            ),
            model=folder.name,
        )
    state = path.stat()
    return parsed(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def parsed(path: Path, *_state: int) -> Card:
    """The card in a file of this time and size. Every run shows figures, and YAML is slow."""
    try:
        _, head, text = path.read_text("utf-8").split("---\n", 2)
        data: dict[str, Any] = vars(ModelCardData(**yaml.load(head, LOADER)))  # noqa: S506
        results: list[EvalResult] = data["eval_results"]
        figures = tuple(
            to_figure(r) for r in results if r.metric_config is None and r.metric_type in METRICS
        )
        ladder = tuple(to_rung(r) for r in results if r.metric_config and r.metric_type in LADDERS)
        return Card(
            model=data["model_name"],
            task=data["pipeline_tag"],
            licence=data["license"],
            dataset=Dataset(results[0].dataset_type, results[0].dataset_name),
            figures=figures,
            ladder=ladder,
            text=text.strip(),
        )
    except (yaml.YAMLError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UnreadableFile(
            Text(
                "The card of {model} is damaged: its front matter is not a model index.",
                "{model} 的模型卡已损坏：其头部信息不是有效的模型索引。",
            ),
            model=path.parent.name,
        ) from error


def from_figure(card: Card, figure: Figure) -> EvalResult:
    args = dict(figure.args)
    if figure.floor is not None:
        args[FLOOR] = figure.floor
    return EvalResult(
        task_type=card.task,
        dataset_type=card.dataset.id,
        dataset_name=card.dataset.name,
        dataset_split=figure.split,
        metric_type=figure.name,
        metric_name=METRICS[figure.name].title.en,
        metric_value=figure.value,
        metric_args=args,
    )


def to_figure(result: EvalResult) -> Figure:
    args = dict(result.metric_args or {})
    floor = args.pop(FLOOR, None)
    return Figure(
        result.metric_type, result.metric_value, floor, args, result.dataset_split or "train"
    )


def from_rung(card: Card, rung: Rung) -> EvalResult:
    ladder = LADDERS[rung.metric]
    title, name = METRICS[rung.metric].title.en, ladder.steps[rung.step].en
    return EvalResult(
        task_type=card.task,
        dataset_type=card.dataset.id,
        dataset_name=card.dataset.name,
        dataset_split="test",
        metric_type=rung.metric,
        metric_name=f"{title} of {ladder.of}, {name}",
        metric_config=rung.step,
        metric_value=rung.value,
        metric_args=rung.args,
    )


def to_rung(result: EvalResult) -> Rung:
    assert result.metric_config is not None
    args = dict(result.metric_args or {})
    return Rung(result.metric_config, result.metric_value, args, result.metric_type)
