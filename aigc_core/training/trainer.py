"""The one trainer, on Accelerate, for every recipe.

It owns what is the same for a GAN, a VAE and a Transformer: devices and processes, backward,
optimisers, learning rates, averages, precision, accumulation, logs, sample grids, checkpoints and
exact resume. What differs is the recipe's objective.

Exact resume needs no stored random states: the noise of a step is seeded by (seed, step, process),
and the order of the data by (seed, epoch). Weights, optimiser states, averages and the chosen
precision are all there is to save.
"""

import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Generator, Tensor, nn
from tqdm import tqdm

from aigc_core.errors import InvalidRequest
from aigc_core.text import Text
from aigc_core.training.batches import Batches, mix
from aigc_core.training.ema import Average
from aigc_core.training.precision import choose
from aigc_core.training.recipe import Optimiser, Recipe, examples_per_step, settings_of
from aigc_core.training.report import Log, write_samples
from aigc_core.training.snapshots import forget, keep, marks

STATE = "state.pt"
CHANGED = Text(
    "This run was started with {name} = {before}, and now it is {now}. "
    "Go on with the same settings, or start in another folder.",
    "此训练开始时 {name} = {before}，现在是 {now}。请以相同设置继续，或换一个文件夹重新开始。",
)
UNREADABLE = Text(
    "{path} cannot be gone on with ({why}). Without it, this run starts again.",
    "无法从 {path} 继续（{why}）。移走该文件即可重新开始此训练。",
)


class Trainer:
    """Runs a recipe in a folder; run again in the same folder, it goes on where it stopped.

    Args:
        recipe: what to train.
        folder: for checkpoints, `log.jsonl`, `losses.svg`, `samples/` and `snapshots/`.
        steps: optimiser steps in all, where not the recipe's.
        accumulate: batches per optimiser step.
        save_every: steps between checkpoints; log and samples come as often.
        trackers: names of Accelerate's trackers, such as `tensorboard`.
        cpu: leave an accelerator alone.

    Raises:
        InvalidRequest: the run in the folder was started with other settings, or its checkpoint
            cannot be read.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        *,
        steps: int | None = None,
        accumulate: int = 1,
        save_every: int = 500,
        trackers: Iterable[str] = (),
        cpu: bool = False,
    ) -> None:
        self.recipe = recipe = replace(recipe, steps=steps or recipe.steps)
        self.folder = folder
        self.accumulate, self.save_every = accumulate, save_every
        self.folder.mkdir(parents=True, exist_ok=True)

        state = self._saved()
        torch.manual_seed(recipe.seed)
        self.objective = recipe.objective()
        self.accelerator = Accelerator(
            cpu=cpu, log_with=list(trackers) or None, project_dir=str(folder)
        )
        self.device = self.accelerator.device
        for player in self.objective.players.values():
            player.to(self.device).train()
        self.optimisers = {
            name: optimiser(self.objective.players[name], settings)
            for name, settings in recipe.optimisers.items()
        }
        shipped = self.objective.players[recipe.ships]
        self.average = Average(shipped, recipe.ema) if recipe.ema else None
        self.batches = Batches(
            recipe.data(),
            recipe.batch,
            seed=recipe.seed,
            device=self.device,
            rank=self.accelerator.process_index,
            world=self.accelerator.num_processes,
        )
        self.step = 0
        if state is None:
            # One of several processes decides for all.
            self.precision = broadcast_object_list([choose(self._trial, self.device)])[0]
        else:
            self._restore(state)
        if self.accelerator.is_main_process:
            forget(folder, self.step)
        self.log = Log(folder, self.step)
        self.marks = marks(recipe.steps)

    @property
    def result(self) -> nn.Module:
        """The network that ships: the average where there is one."""
        if self.average:
            return self.average.network
        return self.objective.players[self.recipe.ships]

    def fit(self) -> nn.Module:
        """Trains to the last step and returns the network that ships, in eval mode."""
        self.accelerator.init_trackers(self.recipe.name, config={"steps": self.recipe.steps})
        bar = tqdm(
            total=self.recipe.steps,
            initial=self.step,
            unit="step",
            desc=self.recipe.name,
            disable=not self.accelerator.is_main_process,
            # A log file takes a line now and then, a terminal ten a second.
            mininterval=0.1 if sys.stderr.isatty() else 30,
        )
        start, first = time.perf_counter(), self.step
        images = examples_per_step(self.settings())
        sums: dict[str, Tensor] = {}
        count = 0
        while self.step < self.recipe.steps:
            for name, loss in self.advance().items():
                sums[name] = sums.get(name, torch.zeros_like(loss)) + loss
            count += 1
            bar.update()
            if self.step in self.marks and self.accelerator.is_main_process:
                keep(self.result, self.folder, self.step, self.settings())
            if self.step % self.save_every == 0 or self.step == self.recipe.steps:
                losses = {name: (total / count).item() for name, total in sums.items()}
                rate = (self.step - first) * images / (time.perf_counter() - start)
                self._report(losses, rate)
                bar.set_postfix({**losses, "images/s": f"{rate:.0f}"})
                sums, count = {}, 0
                self.save()
        bar.close()
        # Whoever leaves first must not take the connection from those who still write.
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()
        return self.result.eval()

    def advance(self) -> dict[str, Tensor]:
        """One optimiser step of every player; the losses, detached."""
        self._cool()
        rounds = [self._play(self.step * self.accumulate + part) for part in range(self.accumulate)]
        losses: dict[str, Tensor] = {}
        while True:
            turn = None
            for game in rounds:
                with self._autocast():
                    turn = next(game, None)
                if turn is None:
                    break
                player, loss = turn
                weights = list(self.objective.players[player].parameters())
                # `inputs` keeps the other players' gradients out of it.
                self.accelerator.backward(loss / self.accumulate, inputs=weights)
                part = loss.detach() / self.accumulate
                losses[player] = losses.get(player, torch.zeros_like(part)) + part
            if turn is None:
                break
            self._update(turn[0])
        if self.average:
            self.average.update(self.objective.players[self.recipe.ships], self.step)
        self.step += 1
        return losses

    def save(self) -> None:
        """Writes everything a resume needs; a kill in the middle leaves the old file."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": self.step,
            "precision": self.precision,
            "settings": self.settings(),
            "players": {n: p.state_dict() for n, p in self.objective.players.items()},
            "optimisers": {n: o.state_dict() for n, o in self.optimisers.items()},
            "average": self.average.network.state_dict() if self.average else None,
        }
        part = self.folder / f"{STATE}.part"
        torch.save(state, part)
        part.replace(self.folder / STATE)

    def _play(self, index: int) -> Any:
        seed = mix(self.recipe.seed, index, self.accelerator.process_index)
        # Layers such as dropout draw from torch's own generator. torch.manual_seed would note the
        # stack for every kind of accelerator, of those too that are not there.
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(seed)
        rng = Generator(self.device)
        rng.manual_seed(seed)
        return self.objective.step(self.batches.at(index), rng, self.step)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def _cool(self) -> None:
        """Learning rates rise over a player's warmup, stay, and fall to zero over its cooldown."""
        for name, settings in self.recipe.optimisers.items():
            falling = max(1, self.recipe.steps * settings.cooldown)
            share = (self.recipe.steps - self.step) / falling
            risen = (self.step + 1) / (settings.warmup or 1)
            for group in self.optimisers[name].param_groups:
                group["lr"] = settings.lr * min(1.0, share, risen)

    def _update(self, player: str) -> None:
        if self.accelerator.num_processes > 1:
            for weight in self.objective.players[player].parameters():
                if weight.grad is not None:
                    weight.grad = self.accelerator.reduce(weight.grad, "mean")
        if (longest := self.recipe.optimisers[player].clip) is not None:
            nn.utils.clip_grad_norm_(self.objective.players[player].parameters(), longest)
        self.optimisers[player].step()
        self.optimisers[player].zero_grad(set_to_none=True)

    def _trial(self) -> list[float]:
        """One step for the precision test: gradients are computed and dropped."""
        statistics = [
            {name: value.clone() for name, value in player.named_buffers()}
            for player in self.objective.players.values()
        ]
        losses = []
        for player, loss in self._play(0):
            weights = list(self.objective.players[player].parameters())
            torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
            losses.append(loss.item())
        for player_, saved in zip(self.objective.players.values(), statistics, strict=True):
            for name, value in player_.named_buffers():
                value.copy_(saved[name])
        return losses

    def _report(self, losses: dict[str, float], rate: float) -> None:
        if not self.accelerator.is_main_process:
            return
        self.log.write(self.step, losses, rate)
        self.accelerator.log({**losses, "images/s": rate}, step=self.step)
        networks = dict(self.objective.players)
        if self.average:
            networks[self.recipe.ships] = self.average.network
        for network in networks.values():
            network.eval()
        shown = self.objective.show(networks)
        for player in self.objective.players.values():
            player.train()
        if shown is not None:
            write_samples(self.folder / "samples" / f"{self.step:07d}", shown)

    def _saved(self) -> dict[str, Any] | None:
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            _ = state["settings"]
        except Exception as error:  # Damaged bytes raise nearly anything.
            raise InvalidRequest(UNREADABLE, path=path, why=repr(error)) from error
        return state

    def settings(self) -> dict[str, str]:
        """All that decides the weights of the end, but for the code and the data."""
        processes = self.accelerator.num_processes
        run = {"processes": processes, "accumulate": self.accumulate}
        settings = settings_of(self.recipe, self.objective)
        return settings | {name: str(value) for name, value in run.items()}

    def _restore(self, state: dict[str, Any]) -> None:
        mine, saved = self.settings(), dict(state["settings"])
        cools = any(optimiser.cooldown for optimiser in self.recipe.optimisers.values())
        if not cools and state["step"] <= self.recipe.steps:
            # Nothing depends on how long it will be, so a run may be made longer.
            saved["steps"] = mine["steps"]
        for name in mine:
            if mine[name] != saved.get(name, mine[name]):
                raise InvalidRequest(CHANGED, name=name, now=mine[name], before=saved[name])
        self.step, self.precision = state["step"], state["precision"]
        for name, player in self.objective.players.items():
            player.load_state_dict(state["players"][name])
        for name, optimiser_ in self.optimisers.items():
            optimiser_.load_state_dict(state["optimisers"][name])
        if self.average:
            self.average.network.load_state_dict(state["average"])


def optimiser(network: nn.Module, settings: Optimiser) -> torch.optim.AdamW:
    """AdamW in its fused form, with decay on matrices and filters only."""
    weights = list(network.parameters())
    groups = [
        {
            "params": [w for w in weights if w.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas, fused=True)
