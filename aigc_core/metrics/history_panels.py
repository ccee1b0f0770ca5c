"""The curves of a training as small charts over the pictures seen, for cards and pages."""

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np

from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import AigcError
from aigc_core.metrics.card import read_card
from aigc_core.metrics.glossary import METRICS, player_name
from aigc_core.metrics.scales import Scale, minus, short
from aigc_core.metrics.training_history import CLASSES, Losses, TrainingHistory
from aigc_core.text import Text

Hue = Literal["ink", "olive", "seal", "blue"]
Point = tuple[float, float]

IMAGES = Text("training pictures seen", "已见训练图片数")
REAL = Text("real digits", "真实数字")
LOSS = Text("loss of the {player}", "{player}损失")
MINUS = Text("minus the loss of the {player}", "{player}损失取负")
NATS = Text("loss of the VAE, nats", "VAE 损失（纳特）")
CORRELATION = Text("rank correlation with the FID {rho}", "与 FID 的秩相关 {rho}")
NOTHING = "–"

# The player that ships has the hue of all that is made, its judge that of the seal.
HUES: dict[str, Hue] = {"generator": "blue"}


@dataclass(frozen=True)
class Panel:
    """One chart. Places are shares of its width and height, 0 to 1, from the left and the bottom.

    Args:
        key: names it: `fid`, `inception_score` or a player.
        title: what is drawn.
        hue: of the curve.
        curve: its points.
        ticks: places on the vertical axis and what stands there.
        heights: of each moment on the curve, None where it has no value yet.
        values: of each moment, as people read them.
        note: what else is known of the curve.
        real: the height of what real digits score.
    """

    key: str
    title: Text
    hue: Hue
    curve: tuple[Point, ...]
    ticks: tuple[tuple[float, str], ...]
    heights: tuple[float | None, ...]
    values: tuple[str, ...]
    note: Text | None = None
    real: float | None = None


def axis(history: TrainingHistory) -> Scale:
    """The horizontal axis of all charts of a training."""
    return Scale(history.images[0], history.images[-1], logarithmic=True)


def panels(history: TrainingHistory) -> tuple[Panel, ...]:
    """FID, Inception score, and each player's loss."""
    return (fid(history), inception_score(history), *(loss(history, x) for x in history.losses))


def fid(history: TrainingHistory) -> Panel:
    # A collapsed run is nowhere near real digits, and its curve would look flat.
    real = None if history.collapsed else real_fid(history.protocol.count)
    # A distance may be 0 on a tiny sample.
    values = tuple(max(value, 1e-3) for value in history.fid)
    scale = Scale.over([*values, *([real] if real else [])], logarithmic=True)
    return of_moments(
        history, "fid", values, scale, "ink", real=None if real is None else scale.place(real)
    )


def inception_score(history: TrainingHistory) -> Panel:
    scale = Scale.over([*history.inception_score, 1, CLASSES])
    return of_moments(history, "inception_score", history.inception_score, scale, "olive")


def of_moments(
    history: TrainingHistory,
    name: str,
    values: tuple[float, ...],
    scale: Scale,
    hue: Hue,
    real: float | None = None,
) -> Panel:
    x, metric = axis(history), METRICS[name]
    heights = tuple(scale.place(value) for value in values)
    return Panel(
        key=name,
        title=metric.title,
        hue=hue,
        curve=tuple(zip(map(x.place, history.images), heights, strict=True)),
        ticks=ticks(scale),
        heights=heights,
        values=tuple(metric.show(value) for value in values),
        real=real,
    )


def loss(history: TrainingHistory, losses: Losses) -> Panel:
    # What is kept of a critic is a distance, like the FID.
    distance = losses.sign < 0 and min(losses.values) > 0
    x, scale = axis(history), Scale.over(losses.values, logarithmic=distance)
    places, heights = [x.place(n) for n in losses.images], [*map(scale.place, losses.values)]
    at = [at_moment(losses, images) for images in history.images]
    return Panel(
        key=losses.player,
        title=title(losses),
        hue=HUES.get(losses.player, "seal"),
        curve=tuple((a, b) for a, b in zip(places, heights, strict=True) if 0 <= a <= 1),
        ticks=ticks(scale),
        heights=tuple(None if value is None else scale.place(value) for value in at),
        values=tuple(NOTHING if value is None else figure(value) for value in at),
        note=correlation(losses),
    )


def title(losses: Losses) -> Text:
    """What a loss is called."""
    if losses.player == "vae":
        return NATS
    return (LOSS if losses.sign > 0 else MINUS).fill(player=player_name(losses.player))


def correlation(losses: Losses) -> Text | None:
    """The rank correlation in words, where there is one."""
    if losses.rank_correlation is None:
        return None
    return CORRELATION.fill(rho=signed(losses.rank_correlation))


def at_moment(losses: Losses, images: float) -> float | None:
    """The loss after so many pictures, between its points; None before the first."""
    if images < losses.images[0]:
        return None
    places = [log(n) for n in losses.images]
    return float(np.interp(log(images), places, losses.values))


def real_fid(count: int) -> float | None:
    """What as many real test digits score, from the judge's card."""
    try:
        ladder = read_card(CHECKPOINTS / "mnist-classifier").ladder
    except AigcError:
        return None
    return next((r.value for r in ladder if r.step == "untouched" and r.args["n"] == count), None)


def ticks(scale: Scale) -> tuple[tuple[float, str], ...]:
    return tuple((scale.place(value), short(value)) for value in scale.ticks())


def figure(value: float) -> str:
    """A loss as people read it: `0.784`, `−3.10`, `101`."""
    return minus(f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip("."))


def signed(value: float) -> str:
    """A correlation with its sign: `+0.97`, `−0.30`."""
    return minus(f"{value:+.2f}")
