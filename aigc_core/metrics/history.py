"""`python -m aigc_core.metrics.history RECIPE`: how a model was at each moment of its training.

Goes through the snapshots that a training left in its folder, draws from each with the same noise,
measures FID, Inception score and the shares of the digits, and writes history.json, history.png
and history.svg beside the model's weights. `training_history` reads them.
"""

import argparse
import hashlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from PIL import Image as Pillow

from aigc_core.checkpoint import WEIGHTS
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import AigcError, InvalidRequest, UnreadableFile
from aigc_core.metrics.card import plain
from aigc_core.metrics.loss_log import LossLog, read_log
from aigc_core.metrics.rank import rank_correlation
from aigc_core.metrics.training_history import (
    CHART,
    CLASSES,
    COLUMNS,
    HISTORY,
    SPRITE,
    Losses,
    Protocol,
    TrainingHistory,
    modes,
    read_history,
)
from aigc_core.text import LANGUAGES, Text

if TYPE_CHECKING:
    from torch import nn

    from aigc_core.families.image_sampler import LoadedSampler
    from aigc_core.training.recipe import Recipe

COUNT, SEED, LEAST = 2000, 0, 100
# Grey levels of the sprite, which make it a third as large.
LEVELS = 16
# Minus the loss of a critic is a distance.
SIGNS: dict[str, Literal[1, -1]] = {"critic": -1}

NOTHING = Text(
    "{folder} has too few snapshots of a training, as far as its log reaches: two at least are "
    "needed.",
    "{folder} 中日志所及的训练快照不足，至少需要两个。",
)
NO_PICTURES = Text(
    "{recipe} trains a network that draws no pictures: its training has no such history.",
    "{recipe} 训练的网络不会画图，因此没有这样的训练过程记录。",
)
NOT_OURS = Text(
    "{name} does not hold the weights of the recipe's network.",
    "{name} 中不是该训练方案网络的权重。",
)
TOO_FEW = Text(
    "The count must be at least {least}, not {count}.", "数量至少为 {least}，而不是 {count}。"
)


@dataclass(frozen=True)
class Moment:
    """One snapshot: its step, figures and shares (10,), and a frame (168, 168) uint8."""

    step: int
    fid: float
    inception_score: float
    shares: np.ndarray
    frame: np.ndarray


def main(arguments: list[str] | None = None) -> int:
    """0 when the files are written, 2 with a sentence when they cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m aigc_core.metrics.history",
        description=__doc__.partition(": ")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="such as dcgan-mnist; an unknown one lists all")
    parser.add_argument("--folder", type=Path, help="of the training (default: runs/RECIPE); "
                        "log.jsonl and snapshots/ are read")  # fmt: skip
    parser.add_argument("--count", type=int, default=COUNT, help="pictures to draw and to measure "
                        f"at each moment, {LEAST} at least (default: %(default)s)")  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder to write into "
                        "(default: aigc_core/checkpoints/RECIPE)")  # fmt: skip
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="of what is printed")
    options = parser.parse_args(arguments)

    # Only now, so that help and typing errors do not wait for PyTorch.
    from aigc_core.training.recipes import find

    try:
        recipe = find(options.recipe)
        run = options.folder or Path("runs") / recipe.name
        moments = []
        for moment in measured(recipe, run, options.count):
            print(f"{moment.step:>8,}  FID {moment.fid:8.3f}  IS {moment.inception_score:6.3f}")
            moments.append(moment)
        history = put_together(recipe, run, moments, options.count)
        folder = write(history, moments, options.out or CHECKPOINTS / recipe.name)
    except AigcError as error:
        print(error.text.say(options.lang), file=sys.stderr)
        return 2
    for loss in history.losses:
        if loss.rank_correlation is not None:
            name = f"-{loss.player}" if loss.sign < 0 else loss.player
            print(f"{name}: rank correlation with the FID {loss.rank_correlation:+.2f}")
    print(folder / HISTORY)
    return 0


def snapshots(run: Path) -> dict[int, Path]:
    """The snapshots of a run by their steps, in order, as far as its log reaches.

    A run that is not at its end has often kept a snapshot since it last wrote its losses.

    Raises:
        UnreadableFile: there are fewer than two, or the log is missing or damaged.
    """
    from aigc_core.training.snapshots import kept

    found = kept(run)
    if found:
        end = read_log(run).ends[-1]
        found = {step: file for step, file in found.items() if step <= end}
    if len(found) < 2:
        raise UnreadableFile(NOTHING, folder=run)
    return found


def sampler_of(recipe: "Recipe") -> "nn.Module":
    """The network that a recipe ships, untrained.

    Raises:
        InvalidRequest: it draws no pictures.
    """
    network = recipe.objective().players[recipe.ships]
    if not hasattr(network, "sample"):
        raise InvalidRequest(NO_PICTURES, recipe=recipe.name)
    return network


def measured(recipe: "Recipe", run: Path, count: int = COUNT) -> Iterator[Moment]:
    """Every moment of a run, in order.

    Raises:
        AigcError: the count is too small, the recipe's network draws nothing, there are no
            snapshots, one does not fit the recipe, or the judge or its reference is not there.
    """
    if count < LEAST:
        raise InvalidRequest(TOO_FEW, least=LEAST, count=count)
    network, files = sampler_of(recipe), snapshots(run)
    return (look(network, file, step, count) for step, file in files.items())


def look(network: "nn.Module", file: Path, step: int, count: int) -> Moment:
    """Draws from one snapshot and measures what came."""
    from aigc_core.metrics.frechet import frechet_distance, moments
    from aigc_core.metrics.inception_score import inception_score
    from aigc_core.metrics.judge import judge
    from aigc_core.metrics.reference import read
    from aigc_core.metrics.scores import class_shares

    model = loaded(network, file)
    features, logits = judge(pictures(model, count, "any").astype(np.float32) / 255)
    return Moment(
        step,
        frechet_distance(moments(features), read().moments),
        inception_score(logits).mean,
        class_shares(logits),
        frame(model),
    )


def loaded(network: "nn.Module", file: Path) -> "LoadedSampler":
    """The network with a snapshot's weights, in eval mode on the CPU.

    Raises:
        UnreadableFile: the file is damaged, or of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from aigc_core.families.image_sampler import LoadedSampler
    from aigc_core.gate import Gate
    from aigc_core.models.protocols import ImageSampler
    from aigc_core.placement import Placement

    try:
        network.load_state_dict(load_file(file), strict=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise UnreadableFile(NOT_OURS, name=file.name) from error
    sampler = cast(ImageSampler, network.float().eval())
    return LoadedSampler(sampler, Placement("cpu", "float32", Gate(), batching=False))


def pictures(model: "LoadedSampler", count: int, label: str) -> np.ndarray:
    """Pictures (n, 28, 28) uint8 of the seeds from `SEED` on, as the engine would draw them."""
    from aigc_core.families.image_sampler import classes, label_of, noise

    seeds = range(SEED, SEED + count)
    counts = model.network.class_counts
    labels = [label_of(label, place, seed, counts) for place, seed in enumerate(seeds)]
    return np.concatenate(list(model.parts(noise(model, list(seeds)), classes(labels))))


def frame(model: "LoadedSampler") -> np.ndarray:
    """Six rows of six pictures (168, 168) uint8, the digits in turn where it knows them."""
    from aigc_core.media import sheet

    return sheet(pictures(model, COLUMNS * COLUMNS, "each"), COLUMNS).pixels


def put_together(
    recipe: "Recipe", run: Path, moments: list[Moment], count: int = COUNT
) -> TrainingHistory:
    """What is kept of moments and log.

    Raises:
        UnreadableFile: the log or the last snapshot is missing or damaged.
    """
    from aigc_core.metrics.inception_score import SPLITS
    from aigc_core.metrics.judge import FROZEN
    from aigc_core.training.recipe import examples_per_step, numbers_of
    from aigc_core.training.ship import read_settings

    log, last = read_log(run), snapshots(run)[moments[-1].step]
    # Of batch, accumulation and processes only the run itself knows.
    batch = examples_per_step({"batch": str(recipe.batch), **read_settings(last)})
    warmup = int(numbers_of(recipe.objective()).get("warmup", 0))
    shares = tuple(plain(moment.shares) for moment in moments)
    return TrainingHistory(
        recipe=recipe.name,
        weights=fingerprint(last),
        protocol=Protocol(count=count, seed=SEED, judge=FROZEN, splits=SPLITS),
        collapsed=modes(shares[-1]) <= CLASSES // 2,
        warmup=warmup,
        steps=tuple(moment.step for moment in moments),
        images=tuple(moment.step * batch for moment in moments),
        fid=plain([moment.fid for moment in moments]),
        inception_score=plain([moment.inception_score for moment in moments]),
        shares=shares,
        losses=tuple(losses(log, moments, batch, warmup, name) for name in log.losses),
    )


def losses(log: LossLog, moments: list[Moment], batch: int, warmup: int, player: str) -> Losses:
    """A player's losses, and whether they go with the FID; `batch` is what each step sees.

    The moments before the log's first line would all have the same loss, and those of a warm-up
    have another kind of it, so neither count.
    """
    sign = SIGNS.get(player, 1)
    thin = log.thinned()
    after = [moment for moment in moments if moment.step >= max(log.ends[0], warmup)]
    known = np.array([moment.step for moment in after], np.float64)
    found = None
    if len(known) > 2:
        values = sign * log.around(player, known)
        found = rank_correlation(values, np.array([moment.fid for moment in after]))
    return Losses(
        player=player,
        sign=sign,
        images=plain((thin.starts + thin.ends) / 2 * batch),
        values=plain(sign * thin.losses[player]),
        rank_correlation=None if found is None else round(found, 4),
        moments=len(known),
    )


def fingerprint(weights: Path) -> str:
    """`sha256:` and a hash of a file's tensors as float16, whatever else is in the file.

    So the last snapshot and the weights that ship have the same.
    """
    from safetensors.numpy import load_file

    found = hashlib.sha256()
    for name, values in sorted(load_file(weights).items()):
        found.update(f"{name} {values.shape}\n".encode())
        found.update(np.ascontiguousarray(values, np.float16).tobytes())
    return "sha256:" + found.hexdigest()


def history_beside(folder: Path) -> TrainingHistory | None:
    """The history in a model's folder, where there is one and it is that of the weights there."""
    try:
        history = read_history(folder)
    except AigcError:
        return None
    return history if history.weights == fingerprint(folder / WEIGHTS) else None


def write(history: TrainingHistory, moments: list[Moment], folder: Path) -> Path:
    """Writes the three files into a model's folder."""
    from aigc_core.metrics.history_chart import draw

    folder.mkdir(parents=True, exist_ok=True)
    (folder / SPRITE).write_bytes(sprite(np.concatenate([moment.frame for moment in moments])))
    (folder / HISTORY).write_text(as_json(history), "utf-8")
    (folder / CHART).write_text(draw(history), "utf-8")
    return folder


def as_json(history: TrainingHistory) -> str:
    """A line for each field, so that a person can find their way in it."""
    fields = history.model_dump(mode="json").items()
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in fields]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def sprite(pixels: np.ndarray) -> bytes:
    """A PNG of grey pixels (h, w) uint8, rounded to 16 levels."""
    step = 255 // (LEVELS - 1)
    height, width = pixels.shape
    levels = ((pixels.astype(np.uint16) + step // 2) // step).astype(np.uint8)
    picture = Pillow.frombytes("P", (width, height), levels.tobytes())
    picture.putpalette([step * level for level in range(LEVELS) for _ in "rgb"])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, bits=4)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
