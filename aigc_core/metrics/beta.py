"""`python -m aigc_core.metrics.beta`: what beta does to a VAE, as a curve of rate and distortion.

With beta below 1 the latent may tell more of a picture (a higher rate) and the picture costs less
once the latent is known (a lower distortion); above 1 the other way round. The best that a model
can do is a curve between the two (Alemi et al. 2018, https://arxiv.org/abs/1711.00464), and beta
picks a point of it. Each point here is a training of its own, shorter than the shipped one's.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from aigc_core.checkpoint import count_weights
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data.mnist import load_mnist
from aigc_core.errors import AigcError
from aigc_core.metrics.card import plain
from aigc_core.metrics.likelihood import bounds
from aigc_core.models.vae import VAE
from aigc_core.text import Text
from aigc_core.training.allocator import keep_memory
from aigc_core.training.recipe import examples_per_step
from aigc_core.training.recipes.vae_mnist import recipe
from aigc_core.training.trainer import Trainer

MODEL = "vae-mnist"
FILE, CURVE = "beta.json", "beta.svg"
BETAS = (0.25, 0.5, 1.0, 2.0, 4.0)
STEPS = 6_000
COMMAND = "python -m aigc_core.metrics.beta"

INTRO = Text(
    "Each row is a training of its own of the same network, {steps:,} steps in batches of {batch}, "
    "with another weight beta of the rate; nats on the {n:,} test digits, drawn as black and white "
    "as above. The sum is the negative ELBO, which is what is trained on where beta is 1. It was "
    "lowest at {lowest:g}.",
    "每一行是同一网络的一次独立训练，共 {steps:,} 步，批大小 {batch}，码率的权重 beta 各不相同；"
    "单位为纳特，在 {n:,} 个测试数字上测得，二值化方式同上。"
    "总和为负 ELBO，beta 为 1 时它就是训练目标。beta 为 {lowest:g} 时总和最低。",
)

SECTION = Text(
    "{intro}\n\n{rows}\n\n![Rate and distortion]({curve})\n\nMeasured by `{command}`.",
    "{intro}\n\n{rows}\n\n![码率与失真]({curve})\n\n测量命令：`{command}`。",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("runs/beta"), help="for the trainings")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimiser steps of each")
    options = parser.parse_args(arguments)
    keep_memory()
    try:
        points = []
        for beta in BETAS:
            trainer = Trainer(recipe(beta, options.steps), options.folder / f"{beta:g}")
            points.append(point(beta, trainer))
        write(CHECKPOINTS / MODEL, protocol_of(trainer.settings()), points)
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    print(table(points, Text("rate", "码率"), Text("distortion", "失真")).en)
    return 0


def point(beta: float, trainer: Trainer) -> dict[str, float]:
    """Trains with one beta to the end, and measures rate and distortion in nats."""
    network = cast(VAE, trainer.fit().cpu())
    distortion, rate, _ = bounds(network, load_mnist("test"), samples=1, seed=0)
    return {
        "beta": beta,
        "rate": plain(rate.mean()),
        "distortion": plain(distortion.mean()),
    }


def protocol_of(settings: Mapping[str, str]) -> dict[str, int]:
    """What the trainings of a sweep have in common, by the settings of one of them."""
    return {
        "weights": int(settings["vae.weights"]),
        "steps": int(settings["steps"]),
        "batch": examples_per_step(settings),
        "n": len(load_mnist("test")),
    }


def write(folder: Path, protocol: dict[str, int], points: Sequence[dict[str, float]]) -> None:
    """The points, and the curve through them, into a checkpoint's folder."""
    told = {**protocol, "points": list(points)}
    (folder / FILE).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    (folder / CURVE).write_text(curve(points), "utf-8")


def section(folder: Path) -> Text | None:
    """The part of a card that shows the sweep.

    None where there was none, or it was that of another network than the folder's: one with
    another number of weights.
    """
    if not (folder / FILE).is_file():
        return None
    told: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    if told.get("weights") != count_weights(folder):
        return None
    lowest = min(told["points"], key=lambda p: p["rate"] + p["distortion"])
    intro = INTRO.fill(steps=told["steps"], batch=told["batch"], n=told["n"], lowest=lowest["beta"])
    rows = table(told["points"], Text("rate", "码率"), Text("distortion", "失真"))
    return SECTION.fill(intro=intro, rows=rows, curve=CURVE, command=COMMAND)


def table(points: Sequence[dict[str, float]], *names: Text) -> Text:
    """The points as Markdown."""
    lines = [
        f"| {p['beta']:g} | {p['rate']:.1f} | {p['distortion']:.1f} "
        f"| {p['rate'] + p['distortion']:.1f} |"
        for p in points
    ]
    rate, distortion = names
    heads = (
        f"| beta | {rate.en} | {distortion.en} | sum |",
        f"| beta | {rate.zh} | {distortion.zh} | 总和 |",
    )
    en, zh = ("\n".join([head, "| --- | --- | --- | --- |", *lines]) for head in heads)
    return Text(en, zh)


def curve(points: Sequence[dict[str, float]]) -> str:
    """An SVG: distortion over rate, a dot for each beta."""
    width, height, edge = 560, 380, 56
    right = 10 * -(-max(p["rate"] for p in points) // 10)
    top = 20 * -(-max(p["distortion"] for p in points) // 20)

    def place(rate: float, distortion: float) -> tuple[float, float]:
        x = edge + (width - 2 * edge) * rate / right
        return x, height - edge - (height - 2 * edge) * distortion / top

    dots = [(place(p["rate"], p["distortion"]), p["beta"]) for p in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for (x, y), _ in dots)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="#b0301f"/>'
        f'<text x="{x + 9:.1f}" y="{y - 7:.1f}">β = {beta:g}</text>'
        for (x, y), beta in dots
    )
    across = "".join(
        f'<text x="{place(value, 0)[0]:.1f}" y="{height - edge + 18}" text-anchor="middle" '
        f'fill="#5a534a">{value:g}</text>'
        for value in (0, right / 2, right)
    )
    up = "".join(
        f'<text x="{edge - 8}" y="{place(0, value)[1] + 4:.1f}" text-anchor="end" '
        f'fill="#5a534a">{value:g}</text>'
        for value in (0, top / 2, top)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13" fill="#1c1917">'
        f'<rect width="{width}" height="{height}" fill="#faf8f4"/>'
        f'<path d="M{edge} {edge}V{height - edge}H{width - edge}" fill="none" stroke="#e5dfd4"/>'
        f'<polyline points="{path}" fill="none" stroke="#1c1917" stroke-width="1.5"/>'
        f"{marks}{across}{up}"
        f'<text x="{width / 2:g}" y="{height - 14}" text-anchor="middle">'
        "rate, nats · 码率（纳特）</text>"
        f'<text x="{edge}" y="{edge - 20}">distortion, nats · 失真（纳特）</text></svg>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
