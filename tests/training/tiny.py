"""Trainings of a fraction of a second, and a training in a process of its own.

`python -m tests.training.tiny RECIPE FOLDER BATCH [STOP]` trains, writes the weights of each
process, and kills itself before step STOP.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from aigc_core.models.dcgan import discriminator_loss, generator_loss
from aigc_core.training import precision
from aigc_core.training.objectives import Adversarial
from aigc_core.training.recipe import Networks, Optimiser, Recipe, Step
from aigc_core.training.trainer import Trainer

SIDE = 5


class TinyGenerator(nn.Module, PyTorchModelHubMixin):
    """Noise and class to a picture, with batch normalisation."""

    def __init__(self, *, latent_dim: int = 4) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.class_counts = [1] * 10
        self.embed = nn.Embedding(10, latent_dim)
        self.body = nn.Sequential(
            nn.Linear(latent_dim, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, SIDE**2)
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.tanh(self.body(z + self.embed(y))).reshape(-1, 1, SIDE, SIDE)

    @torch.no_grad()
    def sample(self, z: Tensor, y: Tensor) -> Tensor:
        return (self(z, y).squeeze(1) + 1) / 2


class TinyDiscriminator(nn.Module):
    """Picture and class to a logit, with batch normalisation and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(SIDE**2, 8), nn.BatchNorm1d(8), nn.Dropout(0.3)
        )
        self.embed = nn.Embedding(10, 8)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.body(x) * self.embed(y)).sum(1)


class Fit:
    """Least squares without noise, batch normalisation or dropout."""

    def __init__(self) -> None:
        layers = (nn.Linear(SIDE**2, 6), nn.Tanh(), nn.Linear(6, 1))
        self.players: dict[str, nn.Module] = {"network": nn.Sequential(*layers)}

    def step(self, batch: tuple[Tensor, ...], rng: Generator, _: int) -> Step:
        images, labels = batch
        guess = self.players["network"](images.flatten(1) / 255).squeeze(1)
        yield "network", mse_loss(guess, labels.float())

    def show(self, networks: Networks) -> None:
        return None


class Read:
    """Classification with dropout, whose noise comes from torch's own generator."""

    def __init__(self) -> None:
        layers = (nn.Linear(SIDE**2, 16), nn.Dropout(0.5), nn.Linear(16, 10))
        self.players: dict[str, nn.Module] = {"network": nn.Sequential(*layers)}

    def step(self, batch: tuple[Tensor, ...], rng: Generator, _: int) -> Step:
        images, labels = batch
        yield "network", cross_entropy(self.players["network"](images.flatten(1) / 255), labels)

    def show(self, networks: Networks) -> None:
        return None


def game(latent_dim: int = 4) -> Adversarial:
    made = TinyGenerator(latent_dim=latent_dim)
    return Adversarial(made, TinyDiscriminator(), discriminator_loss, generator_loss)


def data() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (48, SIDE, SIDE), dtype=np.uint8)
    return images, rng.integers(0, 10, 48)


GAN = Recipe(
    name="tiny-gan",
    objective=game,
    data=data,
    optimisers={
        "generator": Optimiser(lr=1e-2, betas=(0.5, 0.999), cooldown=0.5),
        "discriminator": Optimiser(lr=1e-2, weight_decay=1e-2),
    },
    ships="generator",
    batch=8,
    steps=17,
    ema=0.9,
    seed=3,
)
LINE = Recipe(
    name="tiny-line",
    objective=Fit,
    data=data,
    optimisers={"network": Optimiser(lr=1e-2)},
    ships="network",
    batch=4,
    steps=20,
    ema=0.9,
)
DROPOUT = replace(LINE, name="tiny-dropout", objective=Read)
RECIPES = {recipe.name: recipe for recipe in (GAN, LINE, DROPOUT)}


def values(content: Any) -> Iterable[Tensor]:
    """All tensors and numbers in nested dicts and lists, in order."""
    if isinstance(content, Tensor):
        yield content
    elif isinstance(content, dict):
        for name in sorted(content, key=str):
            yield from values(content[name])
    elif isinstance(content, list | tuple):
        for item in content:
            yield from values(item)
    elif isinstance(content, int | float):
        yield torch.tensor(float(content), dtype=torch.float64)


def fingerprint(trainer: Trainer) -> str:
    """Of all that a training has made: players, optimisers, average."""
    players = [player.state_dict() for player in trainer.objective.players.values()]
    optimisers = [optimiser.state_dict() for optimiser in trainer.optimisers.values()]
    found = hashlib.sha256()
    for value in values([players, optimisers, trainer.result.state_dict()]):
        found.update(value.detach().contiguous().numpy().tobytes())
    return found.hexdigest()


def main(name: str, folder: str, batch: str, stop: str = "-1") -> None:
    precision.SECONDS = 0.0
    torch.set_num_threads(1)
    recipe = replace(RECIPES[name], batch=int(batch))
    trainer = Trainer(recipe, Path(folder), save_every=4, cpu=True)
    advance = trainer.advance

    def advance_or_die() -> dict[str, Tensor]:
        if trainer.step == int(stop):
            os.kill(os.getpid(), signal.SIGKILL)
        return advance()

    trainer.advance = advance_or_die  # type: ignore[method-assign]
    trainer.fit()
    rank, count = trainer.accelerator.process_index, trainer.accelerator.num_processes
    torch.save(
        {
            "network": trainer.objective.players[recipe.ships].state_dict(),
            "result": trainer.result.state_dict(),
            "momenta": [
                state["exp_avg"]
                for optimiser in trainer.optimisers.values()
                for state in optimiser.state_dict()["state"].values()
            ],
            "precision": trainer.precision,
            "processes": count,
        },
        Path(folder) / f"weights-{rank}.pt",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
