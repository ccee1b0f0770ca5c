"""Small runs with snapshots, and the histories made from them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow

from aigc_core.metrics.training_history import (
    COLUMNS,
    FRAME,
    HISTORY,
    SPRITE,
    Losses,
    Protocol,
    TrainingHistory,
)
from aigc_core.models.gan import Discriminator, Generator, discriminator_loss, generator_loss
from aigc_core.training.objectives import Adversarial
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.snapshots import keep

STEPS = (4, 16, 64)


def game() -> Adversarial:
    return Adversarial(
        Generator(latent_dim=4, sides=(3, 4)),
        Discriminator(width=4),
        discriminator_loss,
        generator_loss,
    )


RECIPE = Recipe(
    name="tiny",
    objective=game,
    data=lambda: (np.zeros((8, 28, 28), np.uint8), np.zeros(8, np.int64)),
    optimisers={"generator": Optimiser(lr=1e-3), "discriminator": Optimiser(lr=1e-3)},
    ships="generator",
    batch=8,
    steps=STEPS[-1],
    half=True,
)


def run(
    folder: Path, steps: Sequence[int] = STEPS, settings: Mapping[str, str] | None = None
) -> Path:
    """A folder as a training leaves it: a generator at each step, and a log."""
    torch.manual_seed(0)
    generator = game().players["generator"]
    for step in steps:
        keep(generator, folder, step, settings)
        with torch.no_grad():
            for weight in generator.parameters():
                weight.add_(torch.randn(weight.shape) / 4)
    rows = [
        {"step": step, "losses": {"discriminator": 9.0 / step, "generator": 1.0 * step}}
        for step in range(4, steps[-1] + 1, 4)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def history(recipe: str = "tiny", moments: int = 6, *, collapsed: bool = False) -> TrainingHistory:
    """A made-up history: the FID falls with the critic's loss; or one whose digits disappear."""
    steps = tuple(10 * 2**place for place in range(moments))
    present = [1 + (moments - place if collapsed else place) for place in range(moments)]
    shares = tuple(tuple(1 / n if d < n else 0.0 for d in range(10)) for n in present)
    images = tuple(64 * step for step in steps)
    player, sign = ("discriminator", 1) if collapsed else ("critic", -1)
    values = tuple(20.0 - place for place in range(moments))
    return TrainingHistory(
        recipe=recipe,
        weights=f"sha256:{0:064}",
        protocol=Protocol(count=2000, seed=0, judge=f"sha256:{1:064}", splits=10),
        collapsed=collapsed,
        steps=steps,
        images=images,
        fid=tuple(300.0 / 2**place for place in range(moments)),
        inception_score=tuple(float(n) for n in present),
        shares=shares,
        losses=(
            Losses(
                player=player,
                sign=sign,
                images=images,
                values=values,
                rank_correlation=1.0,
                moments=moments,
            ),
            Losses(player="generator", images=images, values=values, moments=0),
        ),
    )


def saved(history: TrainingHistory, home: Path) -> Path:
    """Its files in a folder of its own, each frame as light as its moment is late."""
    from aigc_core.metrics.history import as_json, sprite

    folder = home / history.recipe
    folder.mkdir(parents=True)
    (folder / HISTORY).write_text(as_json(history), "utf-8")
    shades = np.arange(len(history), dtype=np.uint8) * (17 * (15 // len(history)))
    (folder / SPRITE).write_bytes(sprite(np.repeat(shades, FRAME)[:, None].repeat(FRAME, 1)))
    return folder


def frame(folder: Path, moment: int) -> np.ndarray:
    """The pictures of one moment (168, 168) uint8, as a history's sprite shows them."""
    with Pillow.open(folder / SPRITE) as sprite:
        return np.asarray(sprite.convert("L"))[FRAME * moment :][:FRAME]


def losses_of(history: TrainingHistory, player: str) -> Losses:
    """What a history keeps of one player's loss."""
    (found,) = (losses for losses in history.losses if losses.player == player)
    return found


assert COLUMNS * 28 == FRAME
