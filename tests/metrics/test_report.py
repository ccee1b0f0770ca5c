"""The whole way from samples to a card, on a few made-up pictures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn

from aigc_core.data.mnist import Digits
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.metrics import publish, report_digits
from aigc_core.metrics.__main__ import main
from aigc_core.metrics.about import FOLDER, read_about
from aigc_core.metrics.card import Card, read_card
from aigc_core.metrics.evaluate import to_unit
from aigc_core.metrics.glossary import DIGITS
from aigc_core.metrics.judge import FROZEN, judge
from aigc_core.metrics.reference import derive
from aigc_core.metrics.training_facts import course, optimiser_fact, training_facts
from aigc_core.text import Text
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.ship import write_weights

MODEL = "dcgan-mnist"
# Of classifiers, and of models that know a likelihood.
OTHERS = {"accuracy", "elbo_nll", "distortion", "rate", "iw_nll"}


def recipe() -> Recipe:
    players = {"generator": nn.Linear(3, 5), "painter": nn.Linear(2, 2, bias=False)}
    return Recipe(
        name=MODEL,
        objective=lambda: SimpleNamespace(players=players, jitter=0.25),  # type: ignore[arg-type, return-value]
        data=lambda: (np.zeros(100),),
        optimisers={
            "generator": Optimiser(lr=2e-4, betas=(0.5, 0.999), cooldown=0.4),
            "painter": Optimiser(lr=1e-3, weight_decay=0.01),
        },
        ships="generator",
        batch=64,
        steps=1000,
        seed=7,
        half=True,
    )


def digits(n: int, seed: int) -> Digits:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 28, 28), np.uint8)
    return Digits(images, rng.integers(0, 10, n))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the card of a model that copies its training digits goes."""
    train, test = digits(200, 0), digits(150, 1)
    reference = derive(judge(to_unit(train.images)), train.labels)
    home = tmp_path_factory.mktemp("checkpoints") / MODEL
    home.mkdir()
    told = {"steps": "500", "batch": "64", "accumulate": "2", "processes": "3"}
    weights = home / "model.safetensors"
    write_weights(nn.Linear(3, 5), weights, half=False, settings=told)
    entry = SimpleNamespace(
        network_class=object,
        folder=home,
        name=Text("A GAN", "某 GAN"),
        licences=SimpleNamespace(weights="Apache-2.0"),
    )
    catalog = SimpleNamespace(find=lambda _: entry)

    def copies(_: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(seed, seed + count)
        return to_unit(train.images[rows]), train.labels[rows]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_digits, "Catalog", SimpleNamespace(default=lambda: catalog))
        patch.setattr(report_digits, "load_mnist", {"train": train, "test": test}.get)
        patch.setattr(report_digits.references, "read", lambda: reference)
        patch.setattr(publish.recipes, "find", lambda _: recipe())
        patch.setattr(report_digits, "sample", copies)
        yield home


@pytest.fixture(scope="module")
def card(folder: Path) -> Card:
    made = report_digits.report(MODEL, 120, 5)
    assert read_card(folder) == made
    return made


def test_the_card_holds_every_figure_with_its_protocol(card: Card):
    assert {figure.name for figure in card.figures} == set(DIGITS) - OTHERS
    for figure in card.figures:
        assert figure.floor is not None
        assert figure.args["n"] == 120
        assert figure.args["seed"] == 5
        assert figure.args["feature_net"] == FROZEN
        assert figure.args["weights"].startswith("sha256:")
        assert "training images" in figure.args["reference"]
    assert [rung.step for rung in card.ladder][:2] == ["untouched", "shift"]
    assert card.ladder[0].value == card.figure("fid").floor


def test_copying_shows(card: Card):
    values = {figure.name: (figure.value, figure.floor) for figure in card.figures}
    assert values["pixel_distance"][0] == 0 < values["pixel_distance"][1]
    assert values["pixel_closer"][0] == 1 > 0.1 > values["pixel_closer"][1]
    assert values["feature_closer"][0] == 1


def test_the_text_is_in_both_languages(card: Card):
    english, chinese = card.text.split("## 中文")
    for part in (english, chinese):
        assert "python -m aigc_core.metrics dcgan-mnist --count 120 --seed 5" in part
        assert "CC BY-SA 3.0" in part
        assert "https://arxiv.org/abs/1511.06434" in part
        assert FROZEN in part
        assert f"**{MODEL}**" in part
    assert "A GAN" in english
    assert "某 GAN" in chinese
    assert "### How it was trained" in english
    assert "### 训练方法" in chinese
    for name, metric in DIGITS.items():
        if name not in OTHERS:
            assert metric.says.en in english
            assert metric.says.zh in chinese


def test_the_card_counts_the_pictures_as_the_weights_tell(card: Card):
    english, chinese = card.text.split("## 中文")
    told = "500 steps in batches of 384 (batch 64, accumulated 2, processes 3): 192,000 pictures"
    assert f"{told}, 960.0 times the training set." in english
    assert "共 500 步，批大小 384（单批 64，累积 2，进程数 3）：192,000 幅图" in chinese


def test_tables_are_rectangular(card: Card):
    widths = [
        {line.count("|") for line in block.splitlines()}
        for block in card.text.split("\n\n")
        if block.startswith("|")
    ]
    assert len(widths) == 6
    assert all(len(width) == 1 for width in widths)


@pytest.mark.parametrize("count", [1, 151])
def test_a_count_without_a_floor_is_refused(count: int, folder: Path):
    with pytest.raises(InvalidRequest, match=r"100 to 150"):
        report_digits.report(MODEL, count)


def test_the_command_prints_the_tables(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main([MODEL, "--count", "100", "--lang", "zh"]) == 0
    printed = capsys.readouterr().out
    assert "最近训练样本距离" in printed
    assert "平移一个像素" in printed


@pytest.mark.parametrize("model", sorted(path.stem for path in FOLDER.glob("*.toml")))
def test_shipped_prose_is_complete(model: str):
    about = read_about(model)
    assert about.papers
    for text in (about.what, *about.limits):
        assert text.en.endswith(".")
        assert text.zh.endswith("。")


def test_the_course_of_a_learning_rate_is_told():
    rises = Optimiser(lr=1e-3, warmup=200, clip=1.0, weight_decay=0.1)
    told = optimiser_fact("model", rises)
    assert "rate 0.001 that rises from zero over the first 200 steps, betas" in told.en
    assert "weight decay 0.1, gradients no longer than 1." in told.en
    assert "模型的优化器：AdamW，学习率 0.001（在前 200 步内由零升起），" in told.zh
    both = course(replace(rises, cooldown=0.8))
    assert "first 200 steps and falls in a straight line to zero over the last 80%" in both.en
    assert both.zh == "（在前 200 步内由零升起，在最后 80% 的步数内线性降至零）"
    assert course(Optimiser(lr=1.0)) == ("", "")


def test_examples_are_called_what_they_are():
    facts = training_facts(recipe(), 32_000, unit=Text("poems", "首诗"))
    assert any("64,000 poems, 2.0 times" in fact.en for fact in facts)
    assert any("64,000 首诗，相当于" in fact.zh for fact in facts)


def test_missing_prose_is_named():
    with pytest.raises(ModelUnavailable, match=r"about/no-such-model\.toml"):
        read_about("no-such-model")


def test_training_facts_are_those_of_the_recipe():
    facts = training_facts(recipe(), 32_000)
    english = "\n".join(fact.en for fact in facts)
    assert "jitter 0.25" in english
    assert "The generator is a `Linear` of 20 weights." in english
    falls = "that falls in a straight line to zero over the last 40% of the steps"
    assert f"generator: Adam, learning rate 0.0002 {falls}, betas 0.5 and 0.999." in english
    assert "painter: AdamW, learning rate 0.001, betas 0.9 and 0.999, weight decay 0.01" in english
    assert "1,000 steps in batches of 64: 64,000 pictures, 2.0 times the training set" in english
    assert "decay of 0.999 per step, as float16" in english
    chinese = "\n".join(fact.zh for fact in facts)
    assert "生成器为 `Linear`，共 20 个权重。" in chinese
    assert "painter的优化器" in chinese
