"""What a recipe states and what an objective does: the two halves of a training."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Protocol

import numpy as np
from torch import Generator, Tensor, nn

from aigc_core.checkpoint import digest_of

Step = Iterator[tuple[str, Tensor]]
Networks = Mapping[str, nn.Module]


class Objective(Protocol):
    """The networks of a training, by name, and the losses that each is to lower."""

    players: dict[str, nn.Module]

    def step(self, batch: tuple[Tensor, ...], rng: Generator, number: int, /) -> Step:
        """Yields (player, loss) in the order of play, for the step of this number, from 0.

        The trainer updates a player's weights before it asks for the next pair, so a later loss
        sees the earlier update. All randomness comes from `rng`, on the batch's device.
        """
        ...

    def show(self, networks: Networks, /) -> Tensor | str | None:
        """What lets a person follow the training: pictures (n, h, w) in 0..1, or a text."""
        ...


@dataclass(frozen=True)
class Optimiser:
    """AdamW's settings for one player. Without weight decay it is Adam.

    Args:
        lr: learning rate.
        betas: of the moving averages of the gradient and of its square.
        weight_decay: of matrices and filters.
        cooldown: share of the steps, at the end, over which the learning rate falls to zero.
        warmup: steps, at the start, over which it rises from zero.
        clip: the longest that the gradient may be; a longer one is shortened.
    """

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    cooldown: float = 0.0
    warmup: int | None = None
    clip: float | None = None


@dataclass(frozen=True)
class Recipe:
    """A training as data.

    Args:
        name: the recipe's id, that of the model it makes.
        objective: makes the objective; called under the recipe's seed.
        data: makes the training arrays, equally long in their first axis.
        optimisers: the settings for each player.
        ships: the player whose weights the suite ships.
        batch: examples per step and process.
        steps: optimiser steps in all.
        ema: decay per step of the moving average that ships, or None to ship the last weights.
        seed: of weights, noise and order.
        half: ship float16 weights.
        files: makes what ships beside the weights, by its name, such as a vocabulary.
    """

    name: str
    objective: Callable[[], Objective]
    data: Callable[[], tuple[np.ndarray, ...]]
    optimisers: Mapping[str, Optimiser]
    ships: str
    batch: int
    steps: int
    ema: float | None = 0.999
    seed: int = 0
    half: bool = False
    files: Callable[[], Mapping[str, bytes]] = dict


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Of files that ship beside the weights, which mean nothing with others."""
    return {name: digest_of(content) for name, content in files.items()}


def settings_of(recipe: Recipe, objective: Objective) -> dict[str, str]:
    """What makes two trainings the same, by name: all but the code and the data.

    The numbers of recipe, optimisers and objective, the size of each network, and the digests of
    the files that ship with it.
    """
    own = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    del own["optimisers"]
    players = {
        f"{player}.{name}": value
        for player, chosen in recipe.optimisers.items()
        for name, value in asdict(chosen).items()
        if value is not None
    }
    weights = {
        f"{player}.weights": sum(weight.numel() for weight in network.parameters())
        for player, network in objective.players.items()
    }
    numbers = {f"objective.{name}": value for name, value in numbers_of(objective).items()}
    found = own | players | weights | numbers | digests(recipe.files())
    return {name: str(value) for name, value in found.items() if not callable(value)}


def examples_per_step(settings: Mapping[str, str]) -> int:
    """Training examples that one optimiser step sees, over all processes.

    Args:
        settings: a training's, by the names of `Trainer.settings`; what is not told is 1.
    """
    factors = ("batch", "accumulate", "processes")
    return prod(int(settings.get(name, "1")) for name in factors)


def numbers_of(objective: Objective) -> dict[str, float]:
    """An objective's own numbers."""
    return {k: v for k, v in vars(objective).items() if isinstance(v, int | float)}
