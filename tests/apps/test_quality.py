from pathlib import Path

import pytest

from aigc_core import default_engine
from aigc_core.artifact import Record
from aigc_core.catalog import Entry
from aigc_core.metrics.card import Card, Dataset, Figure, Rung
from aigc_core.metrics.glossary import METRICS
from aigc_core.tasks.image import SampleImages
from apps.ui import quality

FIGURES = (
    Figure("fid", 3.21, 0.5, {"n": 10_000, "reference_n": 60_000}),
    Figure("label_accuracy", 0.981, 0.993),
)
LADDER = (Rung("shift", 9.5), Rung("uniform", 400.0))


@pytest.fixture
def entry() -> Entry:
    return default_engine().models(SampleImages)[0]


@pytest.fixture
def record() -> Record:
    return Record(
        task="sample-images",
        request={},
        model="dcgan-mnist",
        revision="",
        seed=0,
        device="cpu",
        software={},
        created="",
        seconds=0.0427,
    )


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    """A card with figures of which the pages know nothing beforehand."""
    made = Card(
        "dcgan-mnist",
        "unconditional-image-generation",
        "apache-2.0",
        Dataset("ylecun/mnist", "MNIST"),
        FIGURES,
        LADDER,
    )
    monkeypatch.setattr(quality, "read_card", lambda folder: made)
    return made


def test_the_line_has_size_and_figures_beside_real_digits(entry: Entry, card: Card) -> None:
    line = quality.quality_facts(entry)
    assert f"{entry.parameters:,}" in line
    for figure in card.figures:
        assert METRICS[figure.name].show(figure.value) in line
    assert "(real 0.500)" in line
    assert "（真实 0.500）" in line
    assert " ms" not in line


def test_the_line_of_a_run_has_its_time(entry: Entry, record: Record) -> None:
    line = quality.quality_facts(entry, record)
    assert "43 ms" in line
    for spoken in (quality.THIS.en, quality.THIS.zh):
        assert spoken in line


def test_without_a_card_the_line_has_the_size(
    entry: Entry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read = quality.read_card
    monkeypatch.setattr(quality, "read_card", lambda folder: read(tmp_path))
    assert f"{entry.parameters:,}" in quality.quality_facts(entry)
    table = quality.quality(entry)
    assert "<table" not in table
    assert 'lang="zh"' in table


def test_a_model_that_cannot_be_used_says_why(entry: Entry, tmp_path: Path) -> None:
    broken = entry.model_copy(update={"id": "broken", "folder": tmp_path})
    line = quality.quality_facts(broken)
    assert "config.json is missing." in line
    assert "缺少 config.json。" in line
    quality.quality(broken)


def test_the_table_has_every_figure_and_says_how_it_was_measured(entry: Entry, card: Card) -> None:
    table = quality.quality(entry)
    for figure in card.figures:
        metric = METRICS[figure.name]
        assert metric.title.en in table
        assert metric.says.zh in table
        assert f"<td>{metric.show(figure.value)}</td>" in table
    assert f"{card.figure('fid').args['n']:,}" in table
    assert f"python -m aigc_core.metrics {entry.id}" in table


def test_the_ladder_rises_and_holds_the_model(entry: Entry, card: Card) -> None:
    bars = quality.ladder(card).split('<div class="bar')[2:]
    assert ["ours" in bar for bar in bars] == [True, False, False]
    widths = [float(bar.split("width:")[1].split("%")[0]) for bar in bars]
    assert widths == sorted(widths)
    assert widths[0] > 0
    assert widths[-1] == 100


def test_a_card_without_a_ladder_has_no_bars(card: Card) -> None:
    assert quality.ladder(Card(card.model, card.task, card.licence, card.dataset, ())) == ""
