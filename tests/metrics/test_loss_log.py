import json
from pathlib import Path

import numpy as np
import pytest

from aigc_core.errors import UnreadableFile
from aigc_core.metrics.loss_log import LOG, LossLog, read_log


def log_of(ends: list[float], values: list[float]) -> LossLog:
    return LossLog(np.array(ends, float), {"critic": np.array(values, float)})


def written(folder: Path, *rows: object) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    (folder / LOG).write_text(text)
    return folder


def row(step: int, loss: float) -> dict[str, object]:
    return {"step": step, "losses": {"critic": loss}, "images_per_s": 1.0}


def test_a_log_is_read(tmp_path: Path):
    log = read_log(written(tmp_path, row(10, 3.0), row(30, 1.0)))
    assert log.ends.tolist() == [10, 30]
    assert log.starts.tolist() == [0, 10]
    assert log.losses["critic"].tolist() == [3, 1]


@pytest.mark.parametrize(
    "rows",
    [
        (),
        ("{",),
        ('"text"',),
        ('{"step": 1}',),
        (row(2, 1.0), row(2, 1.0)),
        (row(2, 1.0), row(1, 1.0)),
        (row(0, 1.0),),
        (row(1, float("nan")),),
        (row(1, 1.0), {"step": 2, "losses": {}}),
    ],
)
def test_a_damaged_log_is_refused(rows: tuple[object, ...], tmp_path: Path):
    with pytest.raises(UnreadableFile):
        read_log(written(tmp_path, *rows))


def test_a_missing_log_is_refused(tmp_path: Path):
    with pytest.raises(UnreadableFile, match=LOG):
        read_log(tmp_path)


@pytest.mark.parametrize(("count", "most"), [(1, 200), (5, 200), (200, 200), (2000, 200), (50, 7)])
def test_a_thinned_log_keeps_its_means(count: int, most: int):
    rng = np.random.default_rng(count)
    log = log_of(list(10 * np.arange(1, count + 1)), list(rng.normal(size=count)))
    thin = log.thinned(most)
    assert 1 <= len(thin.ends) <= most
    assert thin.ends[-1] == log.ends[-1]
    assert set(thin.ends) <= set(log.ends)
    widths = thin.ends - thin.starts
    whole = float(np.average(thin.losses["critic"], weights=widths))
    assert whole == pytest.approx(log.losses["critic"].mean())
    first = int(thin.ends[0] // 10)
    assert thin.losses["critic"][0] == pytest.approx(log.losses["critic"][:first].mean())


def test_a_short_log_is_kept_as_it_is():
    log = log_of([1, 10, 100], [3, 2, 1])
    assert log.thinned().losses["critic"].tolist() == [3, 2, 1]


def test_means_count_each_step_once():
    log = log_of([10, 20, 40], [1, 2, 4])
    assert log.mean("critic", 0, 40) == pytest.approx((10 + 20 + 80) / 40)
    assert log.mean("critic", 5, 15) == pytest.approx(1.5)
    assert log.mean("critic", 30, 1000) == 4
    with pytest.raises(ValueError, match="no loss"):
        log.mean("critic", 50, 60)


def test_around_a_step_is_halfway_to_its_neighbours():
    log = log_of(list(range(1, 401)), list(range(1, 401)))
    found = log.around("critic", np.array([25.0, 100.0, 400.0]))
    # Halfway from 25 to 100 is 50, and from 100 to 400 it is 200.
    assert found.tolist() == pytest.approx(
        [(13 + 50) / 2, (51 + 200) / 2, (201 + 400) / 2], abs=0.5
    )
