"""`python -m benchmarks.autoencoder`: the VAE's training against pythae's, on the same network.

Both train the recipe's encoder and decoder from the same weights with the same optimiser settings
and batch, each picture drawn anew as black and white, and without the recipe's moving average,
which pythae has not. Ours is the suite's trainer, with its logs and checkpoints; theirs is pythae's
`VAE` class (its loss, its draw of z) on batches of its `BaseDataset` through PyTorch's DataLoader,
in the shortest loop. They take turns in blocks of steps. Then both go on until each has had as many
CPU-seconds as the other, and their ELBO on the test digits is compared.
"""

import argparse
import contextlib
import importlib
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from aigc_core.data.mnist import load_mnist
from aigc_core.errors import AigcError
from aigc_core.metrics.likelihood import bounds
from aigc_core.models.vae import VAE
from aigc_core.training.allocator import keep_memory
from aigc_core.training.objectives import Variational, binarised
from aigc_core.training.recipe import Recipe
from aigc_core.training.recipes import find
from aigc_core.training.trainer import Trainer
from benchmarks.measure import Series, Target, installed, interleaved, report, table
from benchmarks.training import Ours, adam

RATIO = Target(1.0, at_least=True)
PEER = "pythae"
MISSING = (
    "pythae is not installed, so there is nothing to compare with. In an environment of its own "
    "beside requirements.txt: pip install --no-deps pythae==0.1.2"
)


class Pythae:
    """pythae's VAE around our encoder and decoder, fed by its own dataset."""

    def __init__(self, recipe: Recipe, steps: int) -> None:
        torch.manual_seed(recipe.seed)
        game = cast(Variational, recipe.objective())
        self.network, self.batch, self.steps = game.network.train(), recipe.batch, steps
        self.beta_rises = game.warmup
        models, datasets, base, outputs = (
            importlib.import_module(f"{PEER}.{part}")
            for part in ("models", "data.datasets", "models.nn", "models.base.base_utils")
        )
        self.vae = models.VAE(
            models.VAEConfig(
                input_dim=(1, 28, 28),
                latent_dim=self.network.latent_dim,
                reconstruction_loss="bce",
            ),
            encoder(self.network, base.BaseEncoder, outputs.ModelOutput),
            decoder(self.network, base.BaseDecoder, outputs.ModelOutput),
        )
        self.optimiser = adam(self.network, recipe, "vae")
        images, labels = (torch.from_numpy(array) for array in recipe.data())
        data = datasets.BaseDataset(images.unsqueeze(1).float() / 255, labels)
        self.loader = DataLoader(
            data, self.batch, shuffle=True, collate_fn=datasets.collate_dataset_output
        )
        self.batches = self.endless()
        self.rng = torch.Generator().manual_seed(recipe.seed)
        self.done = 0

    def endless(self) -> Iterator[dict[str, Tensor]]:
        while True:
            yield from self.loader

    def block(self) -> float:
        """Images per second of one block."""
        start = time.perf_counter()
        for _ in range(self.steps):
            inputs = next(self.batches)
            inputs["data"] = binarised(inputs["data"], self.rng)
            found = self.vae(inputs)
            weight = min(1.0, (self.done + 1) / (self.beta_rises + 1))
            (found.recon_loss + weight * found.reg_loss).backward()
            self.optimiser.step()
            self.optimiser.zero_grad()
            self.done += 1
        return self.steps * self.batch / (time.perf_counter() - start)


def encoder(network: VAE, base: type[nn.Module], output: type) -> nn.Module:
    """Our encoder as pythae wants one."""

    class Encoder(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            base.__init__(self)
            self.network = network

        def forward(self, x: Tensor) -> Any:
            mean, log_variance = network.encode(x.squeeze(1), NO_CLASS)
            return output(embedding=mean, log_covariance=log_variance)

    return Encoder()


def decoder(network: VAE, base: type[nn.Module], output: type) -> nn.Module:
    """Our decoder as pythae wants one."""

    class Decoder(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            base.__init__(self)
            self.network = network

        def forward(self, z: Tensor) -> Any:
            return output(reconstruction=network.decode(z, NO_CLASS).sigmoid().unsqueeze(1))

    return Decoder()


NO_CLASS = torch.empty(0, dtype=torch.long)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autoencoder", description=__doc__)
    parser.add_argument("--steps", type=int, default=500, help="of a block; a checkpoint ends it")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each")
    parser.add_argument("--seconds", type=float, default=60, help="CPU-seconds before the ELBO")
    options = parser.parse_args(arguments)
    if not installed(PEER):
        print(MISSING)
        return 0
    keep_memory()
    try:
        recipe = find("vae-mnist")
        steady = {name: replace(o, cooldown=0.0) for name, o in recipe.optimisers.items()}
        recipe = replace(recipe, optimisers=steady, ema=None)
        with report("autoencoder"), tempfile.TemporaryDirectory() as folder:
            print(measured(recipe, Path(folder), options.steps, options.rounds, options.seconds))
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


def measured(recipe: Recipe, folder: Path, steps: int, rounds: int, seconds: float) -> str:
    """Speed in turns, then the ELBO after equal CPU-seconds."""
    ours, theirs = Ours(recipe, folder, steps), Pythae(recipe, steps)
    interleaved(1, ours.block, theirs.block)
    trainer, loop = interleaved(rounds, ours.block, theirs.block)
    ratio: Series = trainer.over(loop)
    spent = equal_time(ours, theirs, seconds)
    trained = Trainer(recipe, folder, steps=ours.done)
    rows = [
        ("trainer", trainer, ratio.show(), RATIO.show(ratio.median), ours.done, trained.result),
        (f"{PEER} {installed(PEER)}", loop, "1", "", theirs.done, theirs.network),
    ]
    return "\n\n".join(
        [
            f"batch {recipe.batch}, {torch.get_num_threads()} threads, blocks of {steps} steps, "
            f"-ELBO after {spent:.0f} CPU-seconds each",
            table(
                ("", "images per second", "ratio", "target", "steps", "-ELBO, nats"),
                [
                    (name, speed.show(digits=0), share, target, f"{done:,}", cost(network))
                    for name, speed, share, target, done, network in rows
                ],
            ),
        ]
    )


def equal_time(ours: Ours, theirs: Pythae, seconds: float) -> float:
    """Goes on with whichever has had less of the processor, until both have had enough."""
    used = {ours.block: 0.0, theirs.block: 0.0}
    while min(used.values()) < seconds:
        block = min(used, key=lambda one: used[one])
        start = time.process_time()
        with contextlib.redirect_stderr(io.StringIO()):
            block()
        used[block] += time.process_time() - start
    return min(used.values())


def cost(network: nn.Module) -> str:
    """The negative ELBO on the test digits."""
    distortion, rate, _ = bounds(cast(VAE, network.eval()), load_mnist("test"), 1, 0)
    return f"{(distortion + rate).mean():.2f}"


if __name__ == "__main__":
    sys.exit(main())
