"""`python -m benchmarks.training`: images per second of the trainer.

1. The suite's trainer on a recipe's GAN against a plain PyTorch loop that does the same work:
   networks, data, batch, optimisers, precision, and the moving average, with it and without. The
   two take turns in blocks of steps. The trainer also logs, draws samples and writes a checkpoint
   at the end of each block, which a real training does every 500 steps.
2. Beside it the DCGAN of TorchGAN, another package, by its own trainer on its own network, for
   digits padded to 32x32 as it needs them. Where the package is not installed, a line says how to
   install it; it is no requirement of the suite.

All run with the settings for glibc's allocator that our trainings run with.
"""

import argparse
import contextlib
import importlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from aigc_core.errors import AigcError
from aigc_core.training.allocator import keep_memory
from aigc_core.training.objectives import Adversarial
from aigc_core.training.recipe import Recipe
from aigc_core.training.recipes import find
from aigc_core.training.trainer import Trainer
from benchmarks.measure import Series, Target, installed, interleaved, report, table

RATIO = Target(0.95, at_least=True)
PEER = "torchgan"
MISSING = (
    "TorchGAN is not installed, so its figure is missing. In an environment of its own beside "
    "requirements.txt: pip install torchgan==0.1.0 torchvision==0.28.0"
)


class Ours:
    """The suite's trainer, going on in its folder with every block."""

    def __init__(self, recipe: Recipe, folder: Path, steps: int) -> None:
        self.recipe, self.folder, self.steps, self.done = recipe, folder, steps, 0

    def trainer(self) -> Trainer:
        """A trainer that stops one block after what the folder holds."""
        return Trainer(
            self.recipe, self.folder, steps=self.done + self.steps, save_every=self.steps
        )

    def block(self) -> float:
        """Images per second of one block, its checkpoint included."""
        trainer = self.trainer()
        start = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):
            trainer.fit()
        self.done = trainer.step
        return self.steps * self.recipe.batch / (time.perf_counter() - start)


class Plain:
    """The same game as a loop of plain PyTorch, as one would write it for this model alone."""

    def __init__(self, recipe: Recipe, like: Trainer, steps: int) -> None:
        torch.manual_seed(recipe.seed)
        self.game = cast(Adversarial, recipe.objective())
        self.batch, self.steps, self.device = recipe.batch, steps, like.device
        self.half = like.precision == "bf16"
        self.generator = self.game.generator.to(self.device).train()
        self.discriminator = self.game.discriminator.to(self.device).train()
        self.g_optimiser = adam(self.generator, recipe, "generator")
        self.d_optimiser = adam(self.discriminator, recipe, "discriminator")
        self.images, self.labels = (torch.from_numpy(a).to(self.device) for a in recipe.data())
        self.average = None
        if recipe.ema:
            decay = get_ema_multi_avg_fn(recipe.ema)
            self.average = AveragedModel(self.generator, multi_avg_fn=decay, use_buffers=True)
        self.order = self.shuffled()

    def shuffled(self) -> Iterator[Tensor]:
        """The rows of batch after batch, epoch after epoch."""
        while True:
            rows = torch.randperm(len(self.labels))
            yield from rows[: len(rows) // self.batch * self.batch].split(self.batch)

    def block(self) -> float:
        """Images per second of one block."""
        start = time.perf_counter()
        for _ in range(self.steps):
            loss = self.step()
        loss.item()
        return self.steps * self.batch / (time.perf_counter() - start)

    def step(self) -> Tensor:
        rows = next(self.order).to(self.device)
        x, y = self.images[rows].float().div(127.5).sub(1).unsqueeze(1), self.labels[rows]
        z = torch.randn(self.batch, self.game.latent_dim, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            made = self.generator(z, y)
            d_loss = self.game.discriminator_loss(
                self.discriminator(x, y), self.discriminator(made.detach(), y)
            )
        d_loss.backward()
        self.d_optimiser.step()
        self.d_optimiser.zero_grad()
        self.discriminator.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            g_loss = self.game.generator_loss(self.discriminator(made, y))
        g_loss.backward()
        self.g_optimiser.step()
        self.g_optimiser.zero_grad()
        self.discriminator.requires_grad_(True)
        if self.average:
            self.average.update_parameters(self.generator)
        return g_loss


class TorchGan:
    """TorchGAN's DCGAN with its default widths, by its own trainer."""

    def __init__(self, recipe: Recipe, device: torch.device, folder: Path, steps: int) -> None:
        self.images = steps * recipe.batch
        settings = recipe.optimisers["generator"]
        adam = {"name": torch.optim.Adam, "args": {"lr": settings.lr, "betas": settings.betas}}
        models, losses, trainer = (
            importlib.import_module(f"{PEER}.{part}") for part in ("models", "losses", "trainer")
        )
        self.trainer = trainer.Trainer(
            {
                "generator": {
                    "name": models.DCGANGenerator,
                    "args": {"out_channels": 1},
                    "optimizer": adam,
                },
                "discriminator": {
                    "name": models.DCGANDiscriminator,
                    "args": {"in_channels": 1},
                    "optimizer": adam,
                },
            },
            [losses.MinimaxGeneratorLoss(), losses.MinimaxDiscriminatorLoss()],
            device=device,
            epochs=1,
            checkpoints=str(folder / "gan"),
            recon=str(folder / "images"),
        )
        # Its picture grid calls torchvision in a way that torchvision no longer answers.
        self.trainer.logger.logger_end_epoch.clear()
        digits = torch.from_numpy(recipe.data()[0][: self.images])
        padded = nn.functional.pad(
            digits.float().div(127.5).sub(1).unsqueeze(1), (2,) * 4, value=-1
        )
        data = TensorDataset(padded, torch.zeros(len(padded)))
        self.loader = DataLoader(data, recipe.batch, shuffle=True)

    def block(self) -> float:
        """Images per second of one epoch over as many images as a block has."""
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            self.trainer(self.loader)
        return self.images / (time.perf_counter() - start)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--recipe", default="dcgan-mnist", help="one of a generator and a critic")
    parser.add_argument("--steps", type=int, default=100, help="of a block")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each")
    options = parser.parse_args(arguments)
    keep_memory()
    try:
        # A run grows from block to block, which one with a cooldown may not.
        recipe = find(options.recipe)
        steady = {name: replace(o, cooldown=0.0) for name, o in recipe.optimisers.items()}
        recipe = replace(recipe, optimisers=steady)
        with report("training"), tempfile.TemporaryDirectory() as folder:
            print(measured(recipe, Path(folder), options.steps, options.rounds))
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


def measured(recipe: Recipe, folder: Path, steps: int, rounds: int) -> str:
    """All tables."""
    rows = []
    for title, played in (("with EMA", recipe), ("without EMA", replace(recipe, ema=None))):
        ours = Ours(played, folder / title, steps)
        start = ours.trainer()
        plain = Plain(played, start, steps)
        start.save()
        interleaved(1, ours.block, plain.block)
        trainer, loop = interleaved(rounds, ours.block, plain.block)
        rows += compared(title, trainer, loop)
    notes = [
        f"batch {recipe.batch}, {start.device}, precision {start.precision}, "
        f"{torch.get_num_threads()} threads, blocks of {steps} steps",
        table(("images per second", "", "median (min..max)", "ratio", "target"), rows),
    ]
    if not installed(PEER):
        return "\n\n".join([*notes, MISSING])
    os.environ.setdefault("TENSORBOARD_LOGGING", "0")
    peer = TorchGan(recipe, start.device, folder / PEER, steps)
    trainer, theirs = interleaved(rounds, Ours(recipe, folder / "beside", steps).block, peer.block)
    return "\n\n".join([*notes, beside(recipe, plain, peer, trainer, theirs)])


def compared(title: str, trainer: Series, loop: Series) -> list[tuple[str, ...]]:
    ratio = trainer.over(loop)
    return [
        (title, "trainer", trainer.show(digits=0), ratio.show(), RATIO.show(ratio.median)),
        (title, "plain loop", loop.show(digits=0), "1", ""),
    ]


def beside(recipe: Recipe, ours: Plain, peer: TorchGan, a: Series, b: Series) -> str:
    """Speed, and how much there is to compute for one image: the networks differ."""
    head = ("", "images per second", "parameters G / D", "MFLOP per image", "GFLOP per second")
    mine = work(ours.step) / recipe.batch
    theirs = work(peer.trainer.train_iter) / recipe.batch
    its = peer.trainer
    rows = [
        ("trainer", a, sizes(ours.generator, ours.discriminator), mine),
        (f"{PEER} {installed(PEER)}", b, sizes(its.generator, its.discriminator), theirs),
    ]
    return table(
        head,
        [
            (
                name,
                speed.show(digits=0),
                size,
                f"{flop / 1e6:.1f}",
                f"{speed.median * flop / 1e9:.1f}",
            )
            for name, speed, size, flop in rows
        ],
    )


def sizes(*networks: nn.Module) -> str:
    return " / ".join(f"{sum(w.numel() for w in n.parameters()):,}" for n in networks)


def work(step: Callable[[], Any]) -> float:
    """Floating-point operations of one training step, in convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def adam(network: nn.Module, recipe: Recipe, player: str) -> torch.optim.AdamW:
    """As a recipe without weight decay asks."""
    settings = recipe.optimisers[player]
    return torch.optim.AdamW(
        network.parameters(),
        lr=settings.lr,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=True,
    )


if __name__ == "__main__":
    sys.exit(main())
