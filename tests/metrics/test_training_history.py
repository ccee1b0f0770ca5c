import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image as Pillow

from aigc_core.errors import UnreadableFile
from aigc_core.metrics.history_chart import draw
from aigc_core.metrics.history_panels import panels
from aigc_core.metrics.history_prose import section
from aigc_core.metrics.training_history import (
    HISTORY,
    SPRITE,
    histories,
    read_history,
)
from tests.histories import frame, history, saved

SVG = "{http://www.w3.org/2000/svg}"


def test_a_history_is_read_as_it_was_written(tmp_path: Path):
    made = history(moments=5)
    folder = saved(made, tmp_path)
    assert read_history(folder) == made
    assert len(made) == 5
    assert made.modes == (1, 2, 3, 4, 5)
    assert [int(frame(folder, place).max()) for place in range(5)] == [
        51 * place for place in range(5)
    ]


def damage(name: str, value: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        fields = json.loads((folder / HISTORY).read_text())
        fields[name] = value
        (folder / HISTORY).write_text(json.dumps(fields))

    return change


def put(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


@pytest.mark.parametrize(
    "change",
    [
        put(HISTORY, b""),
        put(HISTORY, b"{"),
        put(HISTORY, b"[]"),
        put(HISTORY, b"\xff\xfe"),
        put(SPRITE, b""),
        put(SPRITE, b"no picture"),
        lambda folder: (folder / SPRITE).unlink(),
        lambda folder: Pillow.new("L", (168, 168)).save(folder / SPRITE),
        lambda folder: Pillow.new("L", (20_000, 20_000)).save(folder / SPRITE),
        damage("format", "aigc-history/2"),
        damage("fid", [1.0]),
        damage("fid", [float("nan")] * 6),
        damage("fid", [-1.0] * 6),
        damage("inception_score", [11.0] * 6),
        damage("steps", [1, 2, 3, 3, 4, 5]),
        damage("images", [0, 1, 2, 3, 4, 5]),
        damage("shares", [[0.5] * 10] * 6),
        damage("shares", [[1.0]] * 6),
        damage("losses", []),
        damage("losses", [{"player": "a", "images": [1, 2], "values": [1], "moments": 0}]),
        damage("weights", "d05c8b72"),
        damage("unknown", 1),
    ],
)
def test_damaged_files_are_refused_and_left_out(change: Callable[[Path], None], tmp_path: Path):
    good, bad = saved(history("good"), tmp_path), saved(history("bad"), tmp_path)
    change(bad)
    with pytest.raises(UnreadableFile) as caught:
        read_history(bad)
    assert all("bad" in text for text in caught.value.text)
    assert [known.recipe for known in histories(tmp_path)] == [good.name]


def test_a_missing_history_says_what_writes_it(tmp_path: Path):
    with pytest.raises(UnreadableFile, match=r"python -m aigc_core\.metrics\.history"):
        read_history(tmp_path)
    assert list(histories(tmp_path)) == []


@pytest.mark.parametrize("collapsed", [False, True])
def test_the_chart_is_whole_and_every_curve_on_it(collapsed: bool):
    made = history(collapsed=collapsed)
    root = ET.fromstring(draw(made))
    curves = list(root.iter(f"{SVG}polyline"))
    assert len(curves) == 2 + len(made.losses)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for curve in curves:
        for point in curve.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    said = "".join(root.itertext())
    assert "ρ(FID) = +1.00" in said
    assert "已见训练图片数" in said


def test_panels_know_the_value_of_each_moment():
    made = history()
    fid, score, critic, generator = panels(made)
    assert fid.values[0] == "300"
    assert fid.real is not None
    assert 0 < fid.real < min(fid.heights)
    assert score.values[-1] == "6.00"
    assert critic.title.en == "minus the loss of the critic"
    assert critic.note
    assert generator.note is None
    for panel in (fid, score, critic, generator):
        assert len(panel.heights) == len(panel.values) == len(made)
        for (_, height), at in zip(panel.curve, panel.heights, strict=True):
            assert at == pytest.approx(height)


def test_before_its_first_report_a_loss_has_no_value():
    made = history()
    late = made.losses[0].model_copy(
        update={"images": made.images[2:], "values": made.losses[0].values[2:]}
    )
    panel = panels(made.model_copy(update={"losses": (late,)}))[-1]
    assert panel.heights[:2] == (None, None)
    assert panel.values[:3] == ("–", "–", "18.0")


def test_the_card_tells_of_the_training_in_both_languages():
    english, chinese = ("\n".join(section(history(), language)) for language in ("en", "zh"))
    for part in (english, chinese):
        assert "(history.svg)" in part
        assert "+1.00" in part
        assert "python -m aigc_core.metrics.history tiny" in part
    assert "minus the loss of the critic" in english
    assert "Spearman's rank correlation with the FID over the last 6 moments" in english
    assert "之后的最后 6 个时刻上，损失与 FID 的 Spearman 秩相关" in chinese
    assert not re.search("[一-鿿]", english)


def test_the_card_says_where_the_warmup_ends():
    warm = history().model_copy(update={"warmup": 4000})
    english, chinese = ("\n".join(section(warm, language)) for language in ("en", "zh"))
    assert "last 6 moments" in english
    assert "the first 4,000 steps of warm-up" in english
    assert "前 4,000 步预热" in chinese
