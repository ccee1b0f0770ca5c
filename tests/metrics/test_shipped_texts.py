"""The text models that ship do what their cards say, on a part of the data of the cards."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TypeVar

import numpy as np
import pytest
import torch

from aigc_core.catalog import Catalog
from aigc_core.checkpoint import load_network
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.data.shakespeare import load_shakespeare
from aigc_core.data.tang import load_quatrains
from aigc_core.data.tang_lines import as_numbers, load_lines
from aigc_core.data.tatoeba import load_pairs
from aigc_core.errors import DatasetMissing
from aigc_core.families import seq2seq
from aigc_core.gate import Gate
from aigc_core.metrics.card import CARD, Card, read_card
from aigc_core.metrics.language import NOTHING, long_text_costs, numbers, row_costs
from aigc_core.metrics.poems import rows_of
from aigc_core.metrics.report_translation import SHOWN
from aigc_core.metrics.translation import BEAMS
from aigc_core.placement import Placement

T = TypeVar("T")
CHARACTERS, POEMS, LINES = 20_000, 150, 400


def shipped(model: str) -> tuple[torch.nn.Module, Card]:
    entry = Catalog.default().find(model)
    network = load_network(entry.network_class, entry.folder, entry.revision)
    return network, read_card(CHECKPOINTS / model)


def close(values: np.ndarray, wanted: float) -> bool:
    """Whether a sample's mean is that of the whole, up to four standard errors."""
    return abs(values.mean() - wanted) < 4 * values.std() / sqrt(len(values))


def here(load: Callable[..., Sequence[T]]) -> Sequence[T]:
    """The test split, where it is on this machine."""
    try:
        return load("test", download=False)
    except DatasetMissing:
        pytest.skip("The texts are not on this machine; AIGC_DATA_DIR names their folder")


def test_letters_of_plays():
    network, card = shipped("transformer-shakespeare")
    text = "".join(here(load_shakespeare))
    blocks = [
        long_text_costs(network, numbers(text[start : start + 257], network.vocabulary)).mean()
        for start in range(0, len(text) - 257, len(text) // (CHARACTERS // 256))
    ]
    assert close(torch.stack(blocks).numpy(), card.figure("nats_char").value)


def test_characters_of_poems():
    network, card = shipped("transformer-tang")
    poems = [poem.text for poem in here(load_quatrains)]
    rows = rows_of(poems[:: len(poems) // POEMS], network.vocabulary)
    costs = row_costs(network, rows).numpy()
    means = costs.sum(1) / (rows[:, 1:] != NOTHING).sum(1)
    assert close(means, card.figure("nats_char").value)


@torch.no_grad()
def test_lines_and_their_latents():
    here(load_quatrains)
    network, card = shipped("text-vae-tang")
    lines = load_lines("test")
    x = torch.from_numpy(as_numbers(lines[:: len(lines) // LINES], network.vocabulary)).long()
    distortion, rates = network.bounds(x, torch.Generator().manual_seed(1))
    assert close(distortion.numpy(), card.figure("line_distortion").value)
    assert close(rates.sum(1).numpy(), card.figure("line_rate").value)


@pytest.mark.parametrize("to", ["zh", "en"])
def test_sentences(to: str):
    """The first pairs are quoted in the card; rounding may turn a choice or two."""
    pairs = here(load_pairs)[:SHOWN]
    entry = Catalog.default().find("seq2seq-tatoeba")
    placed = Placement("cpu", "float32", Gate(), batching=False)
    translator = seq2seq.load(entry, placed, lambda: None).translator
    sources = [pair.english if to == "zh" else pair.chinese for pair in pairs]
    card = (CHECKPOINTS / "seq2seq-tatoeba" / CARD).read_text("utf-8")
    found = [one in card for one in translator.translate(sources, to, beams=BEAMS)]
    assert sum(found) >= SHOWN - 2
