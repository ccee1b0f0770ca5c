import json
import math
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from aigc_core.training.report import Log, curves, grey_png, write_grid

SVG = "{http://www.w3.org/2000/svg}"


def row(step: int, **losses: float) -> dict:
    return {"step": step, "losses": losses, "images_per_s": 1.0}


def points(svg: str) -> list[list[tuple[float, float]]]:
    lines = ET.fromstring(svg).iter(f"{SVG}polyline")
    return [
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]  # type: ignore[misc]
        for line in lines
    ]


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (28, 28), (1, 300)])
def test_a_png_has_its_pixels(shape: tuple[int, int]):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with Pillow.open(BytesIO(grey_png(values))) as opened:
        opened.verify()
    with Pillow.open(BytesIO(grey_png(values))) as opened:
        assert opened.mode == "L"
        assert np.array_equal(np.asarray(opened), values)


def test_a_png_of_turned_pixels():
    values = np.arange(12, dtype=np.uint8).reshape(3, 4).T
    with Pillow.open(BytesIO(grey_png(values))) as opened:
        assert np.array_equal(np.asarray(opened), values)


@pytest.mark.parametrize(("count", "columns", "size"), [(10, 10, (40, 3)), (7, 3, (12, 9))])
def test_a_grid_is_in_reading_order(
    count: int, columns: int, size: tuple[int, int], tmp_path: Path
):
    pictures = torch.rand(count, 3, 4, generator=torch.Generator().manual_seed(0))
    write_grid(tmp_path / "new" / "grid.png", pictures, columns)
    with Pillow.open(tmp_path / "new" / "grid.png") as opened:
        page = np.asarray(opened)
        assert opened.size == size
    for index in range(-(-count // columns) * columns):
        r, c = divmod(index, columns)
        part = page[3 * r : 3 * r + 3, 4 * c : 4 * c + 4]
        if index < count:
            assert np.abs(part - 255 * pictures[index].numpy()).max() <= 0.5
        else:
            assert not part.any()


def test_a_grid_clips(tmp_path: Path):
    write_grid(tmp_path / "grid.png", torch.tensor([[[-1.0, 0.5, 2.0]]], requires_grad=True), 1)
    with Pillow.open(tmp_path / "grid.png") as opened:
        assert np.asarray(opened).tolist() == [[0, 128, 255]]


def test_the_curve_of_a_player_that_joins_later_begins_there():
    rows = [row(10, a=2.0), row(20, a=1.0, b=0.5), row(40, a=0.0, b=1.0)]
    whole, late = points(curves(rows))
    assert len(whole) == 3
    assert [x for x, _ in late] == [x for x, _ in whole[1:]]
    assert len(points(curves(rows[:1]))) == 1


def test_curves_lie_where_the_losses_say():
    rows = [row(10, a=2.0, b=0.0), row(20, a=1.0, b=0.5), row(40, a=0.0, b=1.0)]
    a, b = points(curves(rows))
    assert a == [(182.0, 44.0), (320.0, 150.0), (596.0, 256.0)]
    assert b == [(182.0, 256.0), (320.0, 203.0), (596.0, 150.0)]


@pytest.mark.parametrize(
    "rows",
    [
        [row(1, a=-5.0)],
        [row(1, a=0.0)],
        [row(1, a=0.0), row(2, a=0.0)],
        [row(1, a=-1.0), row(2, a=-3.0)],
        [row(1, a=-1.0), row(2, a=4.0)],
        [row(1, a=1e9, b=1e-9)],
    ],
)
def test_curves_of_any_losses_stay_on_the_page(rows: list[dict]):
    for line in points(curves(rows)):
        for x, y in line:
            assert 44 <= x <= 596
            assert math.isfinite(y)
            assert 0 <= y <= 300


def test_a_loss_that_is_no_number_still_gives_xml():
    ET.fromstring(curves([row(1, a=1.0), row(2, a=math.nan)]))


def test_a_log_goes_on_from_its_step(tmp_path: Path):
    log = Log(tmp_path, 0)
    for step in (5, 10, 15):
        log.write(step, {"a": step / 10}, 123.456)
    again = Log(tmp_path, 10)
    assert [row["step"] for row in again.rows] == [5, 10]
    again.write(12, {"a": 0.0}, 1.0)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(row["step"], row["losses"]["a"]) for row in rows] == [(5, 0.5), (10, 1.0), (12, 0.0)]
    assert rows[0]["images_per_s"] == 123.5
    assert ET.parse(tmp_path / "losses.svg").getroot().tag == f"{SVG}svg"
