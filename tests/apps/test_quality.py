from pathlib import Path

import pytest

from aigc_core import default_engine
from aigc_core.artifact import Record
from aigc_core.catalog import Entry
from aigc_core.metrics.card import Card, Dataset, Figure, Rung
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.kinds import kind_of
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


PLAYS = Card(
    "transformer-shakespeare",
    "text-generation",
    "apache-2.0",
    Dataset("karpathy/tiny_shakespeare", "Tiny Shakespeare"),
    (
        Figure("nats_char", 1.4826, None, {"n": 111_539}, "test"),
        Figure("known_words", 0.91, 0.955, {"n": 20}),
    ),
    (
        Rung("uniform", 4.174, {"n": 111_539}, "nats_char"),
        Rung("bigram", 2.484, {"n": 111_539}, "nats_char"),
        Rung("nanogpt-gpu", 1.4697, {"source": "https://github.com"}, "nats_char"),
    ),
)
POEMS = Card(
    "transformer-tang",
    "text-generation",
    "apache-2.0",
    Dataset("chinese-poetry", "Tang quatrains"),
    (
        Figure("nats_char", 4.2, None, {"n": 20_841}, "test"),
        Figure("form_kept", 0.97, 1.0),
        Figure("rhyme", 0.62, 0.86),
    ),
)
PAIRS = Card(
    "seq2seq-tatoeba",
    "translation",
    "apache-2.0",
    Dataset("tatoeba", "Tatoeba"),
    (Figure("bleu_en_zh", 17.2, 4.1, {"n": 999}), Figure("chrf_en_zh", 16.4, 6.0, {"n": 999})),
)


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (PLAYS, ["1.483", "91.00 % (validation text 95.50 %)", "91.00 %（验证文本 95.50 %）"]),
        (POEMS, ["4.200", "97.00 %", "62.00 % (unseen poems 86.00 %)"]),
        (PAIRS, ["17.2 (word by word 4.10)", "16.4 (word by word 6.00)"]),
    ],
)
def test_text_models_have_figures_of_their_own(
    card: Card, said: list[str], entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "read_card", lambda folder: card)
    line = quality.quality_facts(entry)
    assert all(part in line for part in said)
    assert "real digits" not in line.lower()
    table = quality.quality(entry)
    kind = kind_of(card)
    assert kind.beside.en.capitalize() in table
    assert kind.beside.zh in table
    assert f"{next(iter(card.figures)).args['n']:,}" in table
    assert "(" not in quality.quality_facts(entry, floors=False)


def test_the_nats_stand_among_simpler_predictions() -> None:
    bars = quality.ladder(PLAYS).split('<div class="bar')[2:]
    assert ["ours" in bar for bar in bars] == [False, True, False, False]
    widths = [float(bar.split("width:")[1].split("%")[0]) for bar in bars]
    assert widths == pytest.approx(
        [100 * v / 4.174 for v in (1.4697, 1.4826, 2.484, 4.174)], abs=0.1
    )


@pytest.mark.parametrize(
    ("seconds", "details", "said", "unsaid"),
    [
        (0.5, {"tokens": 128}, ["500 ms", "256", "tokens a second", "词元／秒"], []),
        (2.5, {"tokens": 5000}, ["2.5 s", "2,000"], [" ms"]),
        (2.5, {"tokens": ["To", " be"]}, ["2.5 s"], ["tokens a second"]),
        (0.0, {"tokens": 4}, ["0 ms"], ["tokens a second"]),
        (1.0, {}, ["1.0 s"], ["tokens a second"]),
    ],
)
def test_the_line_of_a_text_tells_how_fast_it_was_written(
    seconds: float, details: dict, said: list[str], unsaid: list[str], entry: Entry, record: Record
) -> None:
    changes = {"task": "continue-text", "seconds": seconds, "details": details}
    line = quality.quality_facts(entry, record.model_copy(update=changes))
    assert quality.THIS_TEXT.en in line
    assert quality.THIS.en not in line
    assert all(part in line for part in said)
    assert not any(part in line for part in unsaid)


def test_every_task_is_of_pictures_or_of_text() -> None:
    assert {"continue-text", "attend-text", "translate-text", "chat-text"} <= quality.TEXTS
    assert not any("image" in task or "latent" in task for task in quality.TEXTS)
