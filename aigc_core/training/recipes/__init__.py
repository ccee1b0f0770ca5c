"""The recipes, one file each: `dcgan-mnist` is `RECIPE` in `dcgan_mnist.py`."""

import importlib
import pkgutil

from aigc_core.errors import InvalidRequest
from aigc_core.text import Text
from aigc_core.training.recipe import Recipe


def names() -> list[str]:
    """The ids of all recipes."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def find(name: str) -> Recipe:
    """The recipe called `name`.

    Raises:
        InvalidRequest: there is none.
    """
    if name not in names():
        raise InvalidRequest(
            Text(
                "There is no recipe called “{name}”. There are: {names}.",
                "没有名为“{name}”的训练方案。可选：{names}。",
            ),
            name=name,
            names=", ".join(names()),
        )
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    recipe: Recipe = module.RECIPE
    return recipe
