"""Small trainings, run to the end or interrupted."""

import json
from pathlib import Path
from typing import Any

import pytest

from aigc_core.training.recipe import Recipe
from aigc_core.training.trainer import Trainer


def made(recipe: Recipe, folder: Path, **settings: Any) -> Trainer:
    return Trainer(recipe, folder, **{"save_every": 4, "cpu": True, **settings})


def trained(recipe: Recipe, folder: Path, **settings: Any) -> Trainer:
    trainer = made(recipe, folder, **settings)
    trainer.fit()
    return trainer


class Stop(Exception):
    """The power fails."""


def interrupted(recipe: Recipe, folder: Path, at: int, **settings: Any) -> None:
    trainer = made(recipe, folder, **settings)
    advance = trainer.advance

    def advance_or_stop() -> Any:
        if trainer.step == at:
            raise Stop
        return advance()

    trainer.advance = advance_or_stop  # type: ignore[method-assign]
    with pytest.raises(Stop):
        trainer.fit()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
