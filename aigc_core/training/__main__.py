"""`python -m aigc_core.training RECIPE`: train, and ship what came out."""

import argparse
import sys
from pathlib import Path

from aigc_core.errors import AigcError
from aigc_core.training.allocator import keep_memory


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m aigc_core.training", description=__doc__)
    parser.add_argument("recipe", help="such as dcgan-mnist; an unknown one lists all")
    parser.add_argument("--folder", type=Path, help="for this run (default: runs/RECIPE)")
    parser.add_argument("--steps", type=int, help="optimiser steps in all (default: the recipe's)")
    parser.add_argument("--accumulate", type=int, default=1, help="batches per optimiser step")
    parser.add_argument("--save-every", type=int, default=500, metavar="STEPS")
    parser.add_argument("--track", action="append", default=[], metavar="NAME",
                        help="one of Accelerate's trackers, such as tensorboard")  # fmt: skip
    parser.add_argument("--cpu", action="store_true", help="leave an accelerator alone")
    parser.add_argument("--ship", action="store_true",
                        help="write the weights into aigc_core/checkpoints")  # fmt: skip
    options = parser.parse_args(arguments)
    keep_memory()

    from aigc_core.checkpoint import WEIGHTS, digest
    from aigc_core.training.recipes import find
    from aigc_core.training.ship import ship
    from aigc_core.training.trainer import Trainer

    try:
        recipe = find(options.recipe)
        trainer = Trainer(
            recipe,
            options.folder or Path("runs") / recipe.name,
            steps=options.steps,
            accumulate=options.accumulate,
            save_every=options.save_every,
            trackers=options.track,
            cpu=options.cpu,
        )
    except AigcError as error:
        print(error, file=sys.stderr)
        return 2
    network = trainer.fit()
    if trainer.accelerator.is_main_process:
        home = None if options.ship else trainer.folder / "weights"
        folder = ship(network, trainer.recipe, home, trainer.settings())
        print(f"{folder / WEIGHTS}\n{digest(folder / WEIGHTS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
