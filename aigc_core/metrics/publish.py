"""Writing what was measured of a model as its card."""

from dataclasses import replace
from pathlib import Path

from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.metrics.about import read_about
from aigc_core.metrics.card import Card, Dataset, Figure, Rung, write_card
from aigc_core.metrics.prose import Section, Story, write_text
from aigc_core.metrics.training_facts import PICTURES, training_facts
from aigc_core.text import Text
from aigc_core.training import recipes
from aigc_core.training.ship import read_settings

COMMAND = "python -m aigc_core.metrics"


def publish(
    folder: Path,
    *,
    title: Text,
    licence: str,
    dataset: Dataset,
    data: Text,
    figures: tuple[Figure, ...],
    protocol: Text,
    examples: int,
    command: str,
    recipe: str = "",
    unit: Text = PICTURES,
    rungs: tuple[Rung, ...] = (),
    sections: tuple[Section, ...] = (),
    history: Section | None = None,
) -> Card:
    """Writes the card of the model in a folder, told by its recipe, its prose and its figures.

    Args:
        folder: of its weights.
        title: its name.
        licence: of the weights.
        dataset: what it was trained on and measured against.
        data: a sentence on it and its licence.
        figures: in reading order.
        protocol: how they were measured.
        examples: in the training set.
        command: what wrote the card.
        recipe: what trained it, where that has not the folder's name.
        unit: what the examples are, behind their number.
        rungs: what the main figure is read by.
        sections: what else there is to show.
        history: what is told of the way it was trained.
    """
    about = read_about(folder.name)
    told = read_settings(folder / WEIGHTS)
    facts = training_facts(recipes.find(recipe or folder.name), examples, told, unit)
    story = Story(
        title,
        licence,
        about,
        data,
        facts,
        digest(folder / WEIGHTS),
        protocol,
        command,
        history,
        sections,
    )
    card = Card(folder.name, about.task, licence.lower(), dataset, figures, rungs)
    card = replace(card, text=write_text(card, story))
    write_card(folder, card)
    return card
