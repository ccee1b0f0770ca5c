"""The trainings on show: which, in which order, and what is said of them."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from aigc_core.errors import UnknownModel
from aigc_core.metrics.training_history import Losses, TrainingHistory
from apps.image import learning
from apps.image.learning_words import look_for
from tests.histories import history, saved

MODEL = "dcgan-mnist"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three histories, one of them of a collapsed run."""
    saved(history("a-run", collapsed=True), tmp_path)
    saved(history("new-model"), tmp_path)
    saved(history(MODEL, moments=5), tmp_path)
    monkeypatch.setattr(learning, "HOME", tmp_path)
    return tmp_path


def moments(player: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(
        unescape(re.search(r'data-moments="([^"]*)"', player)[1])  # type: ignore[index]
    )
    return told


def test_the_catalogs_models_come_first_and_collapsed_runs_last(home: Path):
    assert [known.recipe for known in learning.in_order()] == [MODEL, "new-model", "a-run"]
    assert learning.is_here()


def test_a_damaged_history_is_left_out(home: Path):
    (home / MODEL / "history.png").write_bytes(b"")
    assert [known.recipe for known in learning.in_order()] == ["new-model", "a-run"]
    with pytest.raises(UnknownModel):
        learning.drawn(MODEL)


def test_without_histories_there_is_no_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(learning, "HOME", tmp_path)
    assert not learning.is_here()


@pytest.mark.parametrize("model", [None, "", "nope", "../a-run", 7, ["a-run"], {"a": 1}])
def test_a_model_without_a_history_is_named(model: Any, home: Path):
    with pytest.raises(UnknownModel):
        learning.drawn(model)


def test_names_are_the_catalogs_where_it_knows_them(home: Path):
    said = {known.recipe: learning.name(known).en for known in learning.in_order()}
    assert said[MODEL].startswith("DCGAN")
    assert said["a-run"] == "a-run"
    assert learning.name(history("gan-mnist-collapse")).zh == "特意使其崩溃的 GAN"


def test_the_player_has_what_is_shown_of_every_moment(home: Path):
    made = history(MODEL, moments=5)
    player, curves = learning.drawn(MODEL)
    told = moments(player)
    assert [moment["step"] for moment in told] == [f"{step:,}" for step in made.steps]
    assert [moment["modes"] for moment in told] == [f"{n} / 10" for n in made.modes]
    assert told[0]["fid"] == "300"
    assert 'max="4"' in player
    assert "data:image/png;base64," in player
    assert "background-size:100% 500%" in player
    assert player.count('lang="en"') == player.count('lang="zh"')
    assert curves.count('lang="en"') == curves.count('lang="zh"')


def test_the_charts_have_a_value_and_a_height_for_every_moment(home: Path):
    _, curves = learning.drawn(MODEL)
    charts = curves.split("<figure")[1:]
    assert [re.search('data-key="([^"]*)"', chart)[1] for chart in charts] == [  # type: ignore[index]
        "fid",
        "inception_score",
        "critic",
        "generator",
    ]
    for chart in charts:
        values, heights = (
            json.loads(unescape(re.search(f'data-{name}="([^"]*)"', chart)[1]))  # type: ignore[index]
            for name in ("values", "heights")
        )
        assert len(values) == len(heights) == 5
        assert all(0 <= height <= 1 for height in heights)
    assert "python -m aigc_core.metrics.history dcgan-mnist" in curves


def with_loss(player: str, correlation: float | None) -> TrainingHistory:
    losses = Losses(
        player=player,
        images=(1.0, 2.0),
        values=(1.0, 2.0),
        rank_correlation=correlation,
        moments=12,
    )
    return history().model_copy(update={"losses": (losses,)})


@pytest.mark.parametrize(
    ("player", "correlation", "said"),
    [
        ("critic", 0.953, "is +0.95: watch the two fall together"),
        ("critic", -0.953, "is −0.95: it does not tell"),
        ("vae", 0.99, "rank correlation with the FID is +0.99"),
        ("discriminator", 0.2, "is +0.20: it does not tell"),
        ("discriminator", -0.85, "is −0.85: it rises while the pictures get better"),
        ("discriminator", 0.85, "is +0.85: here it happens to fall with it"),
    ],
)
def test_what_to_look_for_comes_from_the_figures(player: str, correlation: float, said: str):
    told = look_for(with_loss(player, correlation))
    assert said in told.en
    assert said.split(":")[0].rsplit(" ", 1)[-1] in told.zh


def test_a_distance_that_rises_again_is_followed_until_then():
    made = history()
    values = (20.0, 9.0, 4.0, 2.0, 3.0, 3.5)
    again = made.losses[0].model_copy(update={"values": values})
    told = look_for(made.model_copy(update={"losses": (again,)}))
    assert "fall together until step 80." in told.en
    assert "直到第 80 步" in told.zh
    assert "until" not in look_for(made).en


def test_a_loss_that_warms_up_is_judged_from_there_on():
    told = look_for(with_loss("vae", 0.99).model_copy(update={"warmup": 4000}))
    assert "From step 4,000 on" in told.en
    assert "第 4,000 步" in told.zh


def test_without_a_correlation_nothing_is_said_of_a_loss():
    assert look_for(with_loss("critic", None)) == look_for(with_loss("classifier", 0.9))


def test_digits_that_come_and_go_are_counted():
    whole = history().model_copy(update={"losses": ()})
    all_there = tuple([(0.1,) * 10] * 6)
    assert "6 of the ten digits" in look_for(whole).en
    assert "from step 10 on" in look_for(whole.model_copy(update={"shares": all_there})).en
    late = (whole.shares[0], *all_there[:2], whole.shares[1], *all_there[:2])
    assert "from step 160 on" in look_for(whole.model_copy(update={"shares": late})).en
    gone = look_for(history(collapsed=True))
    assert "7 are drawn at step 10 and 2 at the end" in gone.en
    assert "第 10 步时画出 7 个，结束时剩 2 个" in gone.zh
