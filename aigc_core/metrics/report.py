"""Measuring a model and writing its card, by what it can be asked."""

import importlib

from aigc_core.catalog import Catalog
from aigc_core.errors import InvalidRequest
from aigc_core.metrics.card import Card
from aigc_core.tasks import (
    ComposePoem,
    ContinueText,
    Request,
    SampleImages,
    SampleVerse,
    TranslateText,
    WalkVerse,
)
from aigc_core.text import Text

# The first that fits: models of verse can also continue a text.
REPORTS: tuple[tuple[type[Request], str], ...] = (
    (SampleImages, "report_digits"),
    (TranslateText, "report_translation"),
    (WalkVerse, "report_text_vae"),
    (SampleVerse, "report_text_gan"),
    (ComposePoem, "report_tang"),
    (ContinueText, "report_shakespeare"),
)
NO_REPORT = Text(
    "There are no figures for {model}: only models that were trained here have cards.",
    "{model} 没有可测的指标：只有在此训练的模型才有模型卡。",
)


def report(model: str, count: int | None = None, seed: int = 0) -> Card:
    """Measures a model of the catalog and writes its card.

    Args:
        model: its id.
        count: how much to draw or to measure; None for as much as its kind of card holds.
        seed: of the first sample.

    Raises:
        InvalidRequest: no such figures exist for it, or a count or a seed is out of bounds.
        AigcError: the model, its data, its prose or what it is measured with is missing or wrong.
    """
    entry = Catalog.default().find(model)
    kind = next((kind for request, kind in REPORTS if entry.answers(request)), None)
    if entry.origin != "scratch" or kind is None:
        raise InvalidRequest(NO_REPORT, model=model)
    made: Card = importlib.import_module(f"{__package__}.{kind}").report(model, count, seed)
    return made
