"""What a training leaves behind of its way: the shipped network at a few moments of it."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from aigc_core.training.ship import write_weights

FOLDER = "snapshots"
COUNT = 24
# The first snapshot comes after this part of the training.
FIRST = 1 / 1000


def marks(steps: int, count: int = COUNT) -> list[int]:
    """The steps after which a snapshot is kept, the last one included.

    They lie evenly on a logarithmic scale, as a training changes most at its start.
    """
    shares = [FIRST ** (1 - place / (count - 1)) for place in range(count)]
    return sorted({max(1, round(steps * share)) for share in shares})


def keep(
    network: nn.Module, folder: Path, step: int, settings: Mapping[str, str] | None = None
) -> Path:
    """Writes the network's weights, rounded to float16, into the run's folder.

    `settings` are those of the training, as in the weights that ship.
    """
    path = folder / FOLDER / f"{step:07d}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_weights(network, path, half=True, settings=settings)
    return path


def kept(folder: Path) -> dict[int, Path]:
    """The snapshots in a run's folder by their steps, in order."""
    files = {file.stem: file for file in (folder / FOLDER).glob("*.safetensors")}
    return dict(sorted((int(step), file) for step, file in files.items() if step.isdecimal()))


def forget(folder: Path, step: int) -> None:
    """Deletes the snapshots of after a step: the run goes on from there and makes its own."""
    for later, file in kept(folder).items():
        if later > step:
            file.unlink()
