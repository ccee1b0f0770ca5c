from pathlib import Path

import numpy as np
import pytest

from aigc_core import default_engine
from aigc_core.catalog import Entry
from aigc_core.metrics.glossary import METRICS
from aigc_core.studies.floors import Floor
from aigc_core.studies.quality import Measured
from aigc_core.tasks.image import SampleImages
from aigc_core.tasks.study import MeasureQuality
from apps.image import columns, curve
from apps.image.columns import from_card, from_study, plain, table
from apps.ui.quality import card_of

VALUES = dict.fromkeys(columns.ROWS, 0.5)


@pytest.fixture
def entry() -> Entry:
    return default_engine().models(SampleImages)[0]


def found(damage: str = "none", count: int = 500, fid: float = 2.5, **more: float) -> Measured:
    request = MeasureQuality.ask(damage=damage, count=count)
    before = {**VALUES, **more, "fid": 1.25}
    after = {**before, "fid": fid}
    floors = {name: Floor(0.75, 0.01, 9) for name in before}
    pictures = np.zeros((20, 28, 28), np.uint8)
    return Measured(
        "dcgan-mnist", request, count, before, before if damage == "none" else after, floors,
        pictures, 3.21,
    )  # fmt: skip


def test_a_card_is_a_column(entry: Entry) -> None:
    column, card = from_card(entry), card_of(entry)
    assert column is not None
    assert card is not None
    assert column.note.en == "n = 5,000"
    assert column.source == columns.CARD
    text = table([column], {})
    for name in columns.ROWS:
        figure = card.figure(name)
        assert figure is not None
        assert f"<b>{METRICS[name].show(figure.value)}</b>" in text
        assert figure.floor is not None
        assert f"<b>{METRICS[name].show(figure.floor)}</b>" in text


def test_no_card_no_column(entry: Entry, tmp_path: Path) -> None:
    assert from_card(entry.model_copy(update={"folder": tmp_path})) is None


def test_damage_shows_what_was_and_who_noticed(entry: Entry) -> None:
    text = table([from_study(entry, found("blur"))], {})
    assert "<b>2.50</b>" in text
    assert "was 1.25" in text
    assert "原为 1.25" in text
    assert text.count('class="noticed"') == 1
    assert text.count('class="missed"') == len(columns.ROWS) - 1
    assert "blur, n = 500" in text
    assert "3.2 s" in text
    assert "± 0.01" in text
    assert "± 1 %" in text


def test_without_damage_there_are_values_alone(entry: Entry) -> None:
    text = table([from_study(entry, found())], {})
    assert "原为" not in text
    assert "noticed" not in text


def test_results_of_one_size_share_their_floor(entry: Entry) -> None:
    made = [from_study(entry, found(count=n)) for n in (500, 2000, 500)]
    ordered = [(column.model, column.count) for column in columns.arranged(made)]
    model = entry.id
    assert ordered == [("", 500), (model, 500), (model, 500), ("", 2000), (model, 2000)]
    assert table(made, {}).count(columns.REAL.en) == 2


def test_a_figure_that_a_model_has_not_is_a_dash(entry: Entry) -> None:
    result = found()
    del result.after["label_accuracy"]
    assert "<td>–</td>" in table([from_study(entry, result)], {})


def test_nearness_is_there_where_it_was_searched(entry: Entry) -> None:
    plain_result = from_study(entry, found())
    name = METRICS["pixel_closer"].title.en
    assert name not in table([plain_result], {})
    searched = from_study(entry, found(pixel_distance=5.0, pixel_closer=0.01))
    text = table([plain_result, searched], {})
    assert name in text
    assert "1.00 %" in text


def test_columns_without_pictures_take_those_of_their_model(entry: Entry) -> None:
    column = from_card(entry)
    assert column is not None
    assert "<img" not in table([column], {})
    assert "<img src=mine>" in table([column], {column.model: "<img src=mine>"})


def test_nothing_is_said_to_be_nothing() -> None:
    assert columns.NOTHING.zh in table([], {})


def test_a_result_as_json() -> None:
    told = plain(found("blur"))
    assert told["damage"] == "blur"
    assert told["figures"]["fid"] == 2.5
    assert told["without_damage"]["fid"] == 1.25
    assert told["real_digits"]["fid"] == {"value": 0.75, "deviation": 0.01, "draws": 9}
    assert told["verdicts"]["fid"] == "noticed"


def test_the_floor_falls_with_the_size() -> None:
    rungs = curve.floor_rungs()
    assert [rung.args["n"] for rung in rungs][-3:] == [2000, 5000, 10_000]
    values = [rung.value for rung in rungs]
    assert values == sorted(values, reverse=True)


def test_the_curve_has_a_dot_for_each_result(entry: Entry) -> None:
    made = [from_study(entry, found(count=n)) for n in (500, 5000)]
    assert curve.curve(made).count('class="dot"') == 2
    assert curve.curve([]).count('class="dot"') == 0
    assert "5,000" in curve.curve([])
