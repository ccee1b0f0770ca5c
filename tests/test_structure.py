import json
from collections.abc import Iterator
from functools import cache

from tests.fresh import fresh

HEAVY = {"torch", "transformers", "diffusers", "accelerate", "sklearn", "scipy", "torchmetrics"}
# Modules that the suite's pages need beyond Gradio's own, with room for a few more pages.
MODULES = 300
BUILD = """
import json, sys
import gradio
before = set(sys.modules)
from apps.suite import MODALITIES, build, build_alone
build()
for modality in MODALITIES:
    build_alone(modality)
import apps.__main__
added = sorted(set(sys.modules) - before)
print(json.dumps({"added": added, "all": sorted(sys.modules)}))
"""
IMPORT = """
import importlib, json, pkgutil, sys
import aigc_core
loaded = {}
light = [name for _, name, _ in pkgutil.iter_modules(aigc_core.__path__, "aigc_core.")]
for package in ("commands", "studies", "families", "tasks", "data"):
    folder = importlib.import_module(f"aigc_core.{package}").__path__
    light += [name for _, name, _ in pkgutil.iter_modules(folder, f"aigc_core.{package}.")]
heavy = set(json.loads(sys.argv[1]))
for name in light:
    importlib.import_module(name)
    found = heavy & set(sys.modules)
    if found:
        loaded[name] = sorted(found)
        heavy -= found
print(json.dumps(loaded))
"""


@cache
def built() -> dict[str, list[str]]:
    """The modules of a fresh process that has built every page."""
    found: dict[str, list[str]] = json.loads(fresh(BUILD).splitlines()[-1])
    return found


def roots(modules: list[str]) -> Iterator[str]:
    return (name.split(".")[0] for name in modules)


def test_building_every_page_imports_nothing_heavy():
    assert not HEAVY & set(roots(built()["all"]))


def test_building_every_page_imports_no_network_and_no_training():
    rooms = ("aigc_core.models", "aigc_core.training")
    assert not [name for name in built()["all"] if name.startswith(rooms)]


def test_the_pages_need_few_modules():
    added = built()["added"]
    assert "apps.suite" in added
    assert len(added) < MODULES


@cache
def imported() -> dict[str, list[str]]:
    """What each module of the core was the first to import, of what is heavy or not its own."""
    found: dict[str, list[str]] = json.loads(fresh(IMPORT, json.dumps([*HEAVY, "gradio", "apps"])))
    return found


def test_without_a_browser_nothing_of_gradio_is_imported():
    assert not [name for name, found in imported().items() if {"gradio", "apps"} & set(found)]


def test_the_core_is_light_to_import():
    assert imported() == {}
