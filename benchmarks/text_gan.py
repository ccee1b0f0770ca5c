"""`python -m benchmarks.text_gan`: SeqGAN's experiment with an oracle, over several seeds.

For each seed: an oracle, 10,000 texts of it to learn from, a generator trained by maximum
likelihood and taken at its best NLL_oracle, and the policy gradient from there, taken at its last
step. NLL_oracle is the mean cost under the oracle, in nats a word, of 10,000 texts that a generator
writes. It measures quality alone, so beside it stand the start's at lower temperatures, which give
up diversity for quality too, and the cost of 10,000 texts that the oracle kept back under each
generator, which grows where these are missed. A run that was stopped goes on where it was.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from aigc_core.atomic import write_whole
from aigc_core.errors import AigcError
from aigc_core.models.oracle import mean_cost, oracle, texts
from aigc_core.models.text_gan import Generator
from aigc_core.training.allocator import keep_memory
from aigc_core.training.recipe import Recipe
from aigc_core.training.recipes.text_gan_oracle import (
    KEPT_BACK,
    adversarial,
    generator,
    likelihood,
)
from aigc_core.training.snapshots import kept
from aigc_core.training.trainer import Trainer
from benchmarks.measure import report, table

# SeqGAN's own figures, on another oracle of the same kind (Yu et al. 2017, table 1).
PAPER = (9.038, 8.736)
TEMPERATURES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
# Texts by which the start is chosen, and those by which it is then measured: other ones.
CHOICE, CHOOSING = 2_000, 3
COUNT, MEASURING = 10_000, 4
FIGURES = "figures.json"


def measured(seed: int, folder: Path, shorter: int, count: int) -> dict[str, Any]:
    """All figures of one seed, kept in `folder`.

    Args:
        shorter: by how much both trainings are shortened.
        count: texts that are measured.
    """
    told = folder / FIGURES
    if told.exists():
        return dict(json.loads(told.read_text("utf-8")))
    judge = oracle(seed)
    cost = partial(nll_oracle, judge, count)
    fit(likelihood(seed, shorter), folder / "start")
    chosen, tried = best(judge, folder / "start")
    start, gan = network(chosen), fit(adversarial(seed, chosen, shorter), folder / "game")
    kept_back = texts(judge, count, KEPT_BACK)
    found = {
        "seed": seed,
        "texts": count,
        "oracle": mean_cost(judge, kept_back),
        "start_step": int(chosen.stem),
        "tried": tried,
        "start": cost(start),
        "gan": cost(gan),
        "start_missed": mean_cost(start, kept_back),
        "gan_missed": mean_cost(gan, kept_back),
        # NLL_oracle, and what kept back texts cost, by temperature.
        "start_sweep": sweep(start, cost, kept_back),
        "gan_sweep": sweep(gan, cost, kept_back),
    }
    write_whole(told, json.dumps(found, indent=1).encode())
    return found


def fit(recipe: Recipe, folder: Path) -> Generator:
    made = Trainer(recipe, folder, cpu=True).fit()
    assert isinstance(made, Generator)
    return made


def best(judge: Generator, folder: Path) -> tuple[Path, dict[str, float]]:
    """The snapshot of a training with the lowest NLL_oracle, and that of each by its step."""
    files = kept(folder)
    found = {step: nll_oracle(judge, CHOICE, network(f), CHOOSING) for step, f in files.items()}
    return files[min(found, key=lambda step: found[step])], {str(s): v for s, v in found.items()}


def network(path: Path) -> Generator:
    made = generator()
    made.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return made.eval().requires_grad_(False)


def sweep(
    made: Generator, cost: Callable[..., float], kept_back: torch.Tensor
) -> dict[str, list[float]]:
    return {
        f"{t:g}": [cost(made, temperature=t), mean_cost(made, kept_back, t)] for t in TEMPERATURES
    }


def nll_oracle(
    judge: Generator, count: int, made: Generator, seed: int = MEASURING, temperature: float = 1.0
) -> float:
    """What a generator's texts cost under the oracle, in nats a word."""
    return mean_cost(judge, texts(made, count, seed, temperature))


def main_table(found: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            str(one["seed"]),
            f"{one['oracle']:.3f}",
            f"{one['start']:.3f}",
            f"{one['gan']:.3f}",
            f"{one['gan'] - one['start']:+.3f}",
            f"{one['start_missed']:.3f}",
            f"{one['gan_missed']:.3f}",
        ]
        for one in found
    ]
    rows.append(["SeqGAN's paper", "", *(f"{v:.3f}" for v in PAPER), "-0.302", "", ""])
    return table(
        ["seed", "oracle itself", "start", "GAN", "difference", "kept back: start", "GAN"], rows
    )


def sweep_table(found: Sequence[dict[str, Any]]) -> str:
    """The means over the seeds at each temperature."""
    columns = [(of, place) for of in ("start_sweep", "gan_sweep") for place in range(2)]
    rows = [
        [
            t,
            *(
                f"{statistics.mean(one[of][t][place] for one in found):.3f}"
                for of, place in columns
            ),
        ]
        for t in found[0]["start_sweep"]
    ]
    return table(["temperature", "start", "kept back", "GAN", "kept back"], rows)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text_gan", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=Path("runs") / "text-gan-oracle")
    parser.add_argument("--shorter", type=int, default=1, help="divides the steps, for a trial")
    parser.add_argument("--count", type=int, default=COUNT, help="texts that are measured")
    options = parser.parse_args(arguments)
    keep_memory()
    try:
        with report("text GAN on an oracle"):
            found = []
            for seed in options.seeds:
                folder = options.folder / str(seed)
                found.append(measured(seed, folder, options.shorter, options.count))
                print(f"NLL_oracle, n = {options.count:,}, {torch.get_num_threads()} threads\n")
                print(main_table(found), "", sweep_table(found), "", sep="\n", flush=True)
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
