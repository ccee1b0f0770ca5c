"""What is kept of the way a model was trained: pictures and figures at a few moments, and losses.

`python -m aigc_core.metrics.history RECIPE` writes it beside the model's weights; reading needs no
PyTorch.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from math import isclose
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import AigcError, UnreadableFile
from aigc_core.pictures import open_picture
from aigc_core.text import Text

HISTORY, SPRITE, CHART = "history.json", "history.png", "history.svg"

# A frame of the sprite: pictures side by side, pixels of each.
COLUMNS, SIDE = 6, 28
FRAME = COLUMNS * SIDE
# The share of all pictures from which on a class counts as drawn.
PRESENT = 0.01
CLASSES = 10
# A file with more moments is none of ours.
MAX_MOMENTS = 200

MISSING = Text(
    "{model} has no history yet. `python -m aigc_core.metrics.history {model}` writes it.",
    "{model} 尚无训练过程记录。运行 `python -m aigc_core.metrics.history {model}` 可生成。",
)
DAMAGED = Text(
    "The history of {model} is damaged: {why}. `python -m aigc_core.metrics.history {model}` "
    "writes it anew.",
    "{model} 的训练过程记录已损坏：{why}。运行 `python -m aigc_core.metrics.history {model}` "
    "可重新生成。",
)

Number = Annotated[float, Field(allow_inf_nan=False)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Shares = Annotated[tuple[Number, ...], Field(min_length=CLASSES, max_length=CLASSES)]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Protocol(Strict):
    """How the figures of each moment were measured.

    Args:
        count: pictures, those of the seeds from `seed` on.
        judge: digest of the feature network.
        splits: of the Inception score.
    """

    count: int = Field(ge=1)
    seed: int = Field(ge=0)
    judge: Digest
    splits: int = Field(ge=1)


class Losses(Strict):
    """One player's loss over the training, thinned.

    Args:
        player: its name.
        sign: -1 where minus the loss is kept, as of a critic, whose minus is a distance.
        images: training pictures seen at the middle of each stretch.
        values: the mean of the stretch, times `sign`.
        rank_correlation: Spearman's, between values and FID, over the moments from the log's first
            line and the end of the warm-up on; None where these are fewer than three, or one of
            the two never changes.
        moments: how many it was taken over.
    """

    player: str
    sign: Literal[1, -1] = 1
    images: tuple[Number, ...] = Field(min_length=1)
    values: tuple[Number, ...] = Field(min_length=1)
    rank_correlation: Annotated[float, Field(ge=-1, le=1)] | None = None
    moments: int = Field(ge=0)

    @model_validator(mode="after")
    def whole(self) -> Self:
        if len(self.images) != len(self.values) or not rising(self.images):
            raise ValueError(f"the loss of {self.player} does not fit its places")
        return self


class TrainingHistory(Strict):
    """A training at n moments.

    Args:
        recipe: its id, that of the model it makes.
        weights: digest of the last moment's weights; see `history.fingerprint`.
        collapsed: whether half of the classes or more are gone at the end.
        warmup: steps after which the loss is what it stays, as of a VAE whose rate gets its weight
            little by little.
        steps: (n,) optimiser steps done.
        images: (n,) training pictures seen.
        fid: (n,) against the training digits.
        inception_score: (n,), 1 to 10.
        shares: (n, 10) of the classes that the judge reads.
        losses: of each player, in the order of play.
    """

    format: Literal["aigc-history/1"] = "aigc-history/1"
    recipe: str
    weights: Digest
    protocol: Protocol
    collapsed: bool
    warmup: int = Field(0, ge=0)
    steps: tuple[int, ...] = Field(min_length=2, max_length=MAX_MOMENTS)
    images: tuple[int, ...]
    fid: tuple[Annotated[Number, Field(ge=0)], ...]
    inception_score: tuple[Annotated[Number, Field(ge=1, le=CLASSES)], ...]
    shares: tuple[Shares, ...]
    losses: tuple[Losses, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def whole(self) -> Self:
        rows = (self.images, self.fid, self.inception_score, self.shares)
        if any(len(row) != len(self.steps) for row in rows):
            raise ValueError("some figures are missing")
        if not rising(self.steps) or not rising(self.images) or self.images[0] < 1:
            raise ValueError("the moments are not in order")
        if not all(isclose(sum(row), 1, abs_tol=1e-3) and min(row) >= 0 for row in self.shares):
            raise ValueError("shares do not add up to 1")
        return self

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def modes(self) -> tuple[int, ...]:
        """(n,) how many classes have at least 1 % of the pictures."""
        return tuple(map(modes, self.shares))


def modes(shares: Sequence[float]) -> int:
    """How many classes have at least 1 % of the pictures."""
    return sum(share >= PRESENT for share in shares)


def rising(values: tuple[float, ...]) -> bool:
    return all(a < b for a, b in pairwise(values))


def read_history(folder: Path) -> TrainingHistory:
    """The history in a checkpoint's folder, its pictures looked at as well.

    Raises:
        UnreadableFile: there is none, or one of its files is not what it should be.
    """
    if not (folder / HISTORY).is_file():
        raise UnreadableFile(MISSING, model=folder.name)
    return parsed(folder, *(state(folder / name) for name in (HISTORY, SPRITE)))


def state(path: Path) -> tuple[int, int] | None:
    return (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None


@lru_cache(maxsize=64)
def parsed(folder: Path, *_states: tuple[int, int] | None) -> TrainingHistory:
    """The history in files of these times and sizes."""
    try:
        history = TrainingHistory.model_validate_json((folder / HISTORY).read_bytes())
    except (ValidationError, OSError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else HISTORY
        raise UnreadableFile(DAMAGED, model=folder.name, why=why) from error
    try:
        with open_picture(folder / SPRITE, formats=("PNG",)) as sprite:
            size = sprite.size
    except (AigcError, OSError) as error:
        raise UnreadableFile(DAMAGED, model=folder.name, why=SPRITE) from error
    if size != (FRAME, FRAME * len(history)):
        why = f"{SPRITE}: {size[0]} x {size[1]}"
        raise UnreadableFile(DAMAGED, model=folder.name, why=why)
    return history


def histories(home: Path = CHECKPOINTS) -> Iterator[TrainingHistory]:
    """All that can be read, in the order of their names; damaged ones are left out."""
    for file in sorted(home.glob(f"*/{HISTORY}")):
        try:
            yield read_history(file.parent)
        except AigcError:
            continue
