"""`python -m benchmarks.training_text`: characters per second of the trainer on a language model.

The suite's trainer on a recipe's network against a plain loop in the manner of nanoGPT's `train.py`
that does the same work: the same network, text, batch, AdamW with its two groups of weights, the
learning rate set anew and the gradient clipped in every step, and the moving average, with it and
without. The plain loop draws the places of its stretches at random, as nanoGPT does; the trainer
deals all stretches out. The two take turns in blocks of steps. To each of the trainer's blocks its
share is added of what it does every 500 steps and the plain loop never: a line of the log, a sample
and a checkpoint.

Beside the clock stands the processor's time, which counts on a machine that others use as well: a
block's characters over the seconds that all its threads computed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from aigc_core.errors import AigcError
from aigc_core.training.allocator import keep_memory
from aigc_core.training.recipe import Recipe
from aigc_core.training.recipes import find
from aigc_core.training.trainer import Trainer
from benchmarks.measure import Series, Target, interleaved, report, table

RATIO = Target(0.95, at_least=True)
# Steps from one checkpoint of a training to the next.
EVERY = 500


class Ours:
    """The suite's trainer.

    Attributes:
        resting: seconds by both clocks of what is done every `EVERY` steps.
    """

    def __init__(self, trainer: Trainer, steps: int) -> None:
        self.trainer, self.steps = trainer, steps
        self.resting = spent(self.rest)

    def block(self) -> None:
        """The steps of one block."""
        for _ in range(self.steps):
            losses = self.trainer.advance()
        losses["model"].item()

    def rest(self) -> None:
        """The log's line, a sample and the checkpoint."""
        self.trainer.step = max(1, self.trainer.step)
        self.trainer._report({"model": 1.0}, 1.0)
        self.trainer.save()


class Plain:
    """The same training as one loop, as one would write it for this model alone."""

    def __init__(self, recipe: Recipe, like: Trainer, steps: int) -> None:
        torch.manual_seed(recipe.seed)
        self.settings, self.batch, self.steps = recipe.optimisers["model"], recipe.batch, steps
        self.device, self.half = like.device, like.precision == "bf16"
        self.network = recipe.objective().players["model"].to(self.device).train()
        rows = recipe.data()[0]
        self.length = rows.shape[1]
        # The rows are stretches of one text, each a character further than the one before.
        text = torch.cat([torch.from_numpy(rows[:, 0].copy()), torch.from_numpy(rows[-1, 1:])])
        self.text = text.long().to(self.device)
        matrices = [w for w in self.network.parameters() if w.ndim > 1]
        others = [w for w in self.network.parameters() if w.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": self.settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=self.settings.lr,
            betas=self.settings.betas,
            fused=True,
        )
        self.average = None
        if recipe.ema:
            decay = get_ema_multi_avg_fn(recipe.ema)
            self.average = AveragedModel(self.network, multi_avg_fn=decay, use_buffers=True)
        self.places = torch.arange(self.length)

    def block(self) -> None:
        """The steps of one block."""
        for _ in range(self.steps):
            loss = self.step()
        loss.item()

    def step(self) -> Tensor:
        starts = torch.randint(len(self.text) - self.length, (self.batch, 1))
        known = self.text[(starts + self.places).to(self.device)]
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.lr
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits, _ = self.network(known[:, :-1])
            loss = cross_entropy(logits.flatten(0, 1), known[:, 1:].flatten())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.settings.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.optimiser.step()
        if self.average:
            self.average.update_parameters(self.network)
        return loss


class Seconds(NamedTuple):
    """What something took by the clock, and what all threads together computed for it."""

    clock: float
    processor: float


def spent(action: Callable[[], None]) -> Seconds:
    clock, processor = time.perf_counter(), time.process_time()
    action()
    return Seconds(time.perf_counter() - clock, time.process_time() - processor)


class Speeds:
    """Characters per second of blocks: by the clock, and by the processor's time.

    Args:
        block: so many steps.
        characters: of a block.
        more: what a block takes besides.
    """

    def __init__(self, block: Callable[[], None], characters: int, more: Seconds) -> None:
        self.block, self.characters, self.more = block, characters, more
        self.processor: list[float] = []

    def __call__(self) -> float:
        took = spent(self.block)
        self.processor.append(self.characters / (took.processor + self.more.processor))
        return self.characters / (took.clock + self.more.clock)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_text", description=__doc__)
    parser.add_argument("--recipe", default="transformer-shakespeare", help="of a language model "
                        "on stretches of one text")  # fmt: skip
    parser.add_argument("--steps", type=int, default=20, help="of a block")
    parser.add_argument("--rounds", type=int, default=7, help="blocks of each")
    options = parser.parse_args(arguments)
    keep_memory()
    try:
        recipe = find(options.recipe)
        with report("training of a language model"), tempfile.TemporaryDirectory() as folder:
            print(measured(recipe, Path(folder), options.steps, options.rounds))
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


def measured(recipe: Recipe, folder: Path, steps: int, rounds: int) -> str:
    """The table of both averages and both clocks."""
    rows = []
    for title, played in (("with EMA", recipe), ("without EMA", replace(recipe, ema=None))):
        start = Trainer(played, folder / title, save_every=EVERY)
        ours, plain = Ours(start, steps), Plain(played, start, steps)
        characters = steps * recipe.batch * (plain.length - 1)
        share = Seconds(*(seconds * steps / EVERY for seconds in ours.resting))
        both = (
            Speeds(ours.block, characters, share),
            Speeds(plain.block, characters, Seconds(0, 0)),
        )
        interleaved(1, *both)
        for speeds in both:
            speeds.processor.clear()
        rows += compared(title, *interleaved(rounds, *both))
        rows += compared(f"{title}, processor's", *(Series(tuple(s.processor)) for s in both))
    head = ("characters per second", "", "median (min..max)", "ratio", "target")
    note = (
        f"{recipe.name}, batch {recipe.batch} x {plain.length - 1}, {start.device}, precision "
        f"{start.precision}, {torch.get_num_threads()} threads, blocks of {steps} steps"
    )
    return f"{note}\n\n{table(head, rows)}"


def compared(title: str, trainer: Series, loop: Series) -> list[tuple[str, ...]]:
    ratio = trainer.over(loop)
    return [
        (title, "trainer", trainer.show(digits=0), ratio.show(), RATIO.show(ratio.median)),
        (title, "plain loop", loop.show(digits=0), "1", ""),
    ]


if __name__ == "__main__":
    sys.exit(main())
