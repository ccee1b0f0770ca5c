"""Engines over our own entry, changed as a test needs it."""

from typing import Any

import numpy as np

from aigc_core.catalog import Catalog, Entry
from aigc_core.engine import CatalogModel, Engine
from aigc_core.events import Result
from aigc_core.loader import Loader
from aigc_core.media import pixels
from aigc_core.tasks import InterpolateImages, Request, SampleImages, TraceImage

MODEL = "dcgan-mnist"
REQUESTS: list[Request] = [
    SampleImages.ask(count=70, seed=5),
    InterpolateImages.ask(steps=40),
    TraceImage.ask(seed=9),
]


def made(*entries: Entry) -> Engine:
    catalog = Catalog(list(entries))
    loader = Loader(lambda model: CatalogModel(catalog.find(model)), batching=False)
    return Engine(catalog, loader)


def changed(**changes: Any) -> Entry:
    """Our entry, some fields changed."""
    return Entry(**{**Catalog.default().find(MODEL).model_dump(), **changes})


def in_use(engine: Engine) -> int:
    return sum(state.refs + state.waiting for state in engine.loader.state())


def values(result: Result) -> np.ndarray:
    return np.stack([pixels(artifact.media) for artifact in result.artifacts]).astype(int)
