"""From small random checkpoints to the cards of text VAEs and text GANs."""

from collections.abc import Iterator
from dataclasses import replace
from math import log
from pathlib import Path

import pytest
import torch

from aigc_core.metrics import publish, report_text_gan, report_text_vae, text_gan
from aigc_core.metrics.card import Card, read_card
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.kinds import LATENT, LINES, kind_of
from aigc_core.metrics.text_vae import text_vae_figures
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.models.text_gan import Generator
from aigc_core.models.text_vae import TextVAE
from aigc_core.training import recipes
from aigc_core.training.ship import ship
from tests.metrics.small_models import offer

TRAIN = ("明月松间照", "清泉石上流", "两岸猿声啼不住", "轻舟已过万重山", "白日依山尽") * 3
TEST = ("黄河入海流", "明月上重山", "轻舟上清泉", "山流不住")[:3]
VOCABULARY = "\n" + "".join(sorted({c for line in (*TRAIN, *TEST) for c in line}))


def vae() -> TextVAE:
    return TextVAE(vocabulary=VOCABULARY, latent_dim=4, embedding=8, reader=8, writer=8)


def generator() -> Generator:
    return Generator(vocabulary=VOCABULARY, length=8, embedding=8, width=8, tied=True)


MAKERS = {"text-vae-tang": vae, "text-gan-tang-start": generator, "text-gan-tang": generator}
PLAYERS = {"text-vae-tang": "vae", "text-gan-tang-start": "generator", "text-gan-tang": "generator"}


class Objective:
    def __init__(self, id: str) -> None:
        self.players = {PLAYERS[id]: MAKERS[id]()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    models = {
        id: ("text_vae" if id == "text-vae-tang" else "verse_sampler", make(), recipes.find(id))
        for id, make in MAKERS.items()
    }
    catalog = offer(home, models)
    plain = CharLSTM(vocabulary=VOCABULARY, embedding=8, width=8, layers=1)
    ship(plain, recipes.find("lstm-tang-lines"), home / "lstm-tang-lines")
    find = recipes.find

    def small(id: str):
        return replace(find(id), objective=lambda: Objective(id))

    def lines(split: str) -> tuple[str, ...]:
        return TRAIN if split == "train" else TEST

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_CATALOG", str(catalog))
        patch.setattr(publish.recipes, "find", small)
        for module in (report_text_vae, report_text_gan, text_gan):
            patch.setattr(module, "load_lines", lines)
        patch.setattr(text_gan, "TEMPERATURES", (0.7, 1.0))
        patch.setattr(text_gan.curves, "__kwdefaults__", {
            **text_gan.curves.__kwdefaults__, "temperatures": (0.7, 1.0),
        })  # fmt: skip
        yield home


@pytest.fixture(scope="module")
def latent(home: Path) -> Card:
    made = report_text_vae.report("text-vae-tang", 10, 3)
    assert read_card(home / "text-vae-tang") == made
    return made


@pytest.fixture(scope="module")
def game(home: Path) -> Card:
    made = report_text_gan.report("text-gan-tang", 12, 0)
    assert read_card(home / "text-gan-tang") == made
    return made


def test_the_vae_stands_beside_a_model_without_a_latent(latent: Card, home: Path):
    assert kind_of(latent) is LATENT
    nll, rate = latent.figure("line_nll"), latent.figure("line_rate")
    assert nll.value == pytest.approx(latent.figure("line_distortion").value + rate.value, rel=1e-4)
    # Five characters and an end, each nearly a guess.
    assert nll.floor == pytest.approx(6 * log(len(VOCABULARY)), rel=0.05)
    assert rate.floor is None
    assert latent.figure("active_units").args["units"] == 4
    assert "`lstm-tang-lines`" in latent.text


def test_the_figures_are_those_of_the_measurement(latent: Card, home: Path):
    from aigc_core.checkpoint import load_network

    network = load_network(TextVAE, home / "text-vae-tang")
    found = text_vae_figures(network, TEST, drawn=10, seed=3)
    for name, (key, _) in report_text_vae.NAMES.items():
        assert latent.figure(name).value == found[key]
        assert latent.figure(name).args["seed"] == 3


def test_lines_and_what_comes_back_of_them_are_shown(latent: Card):
    for line in TEST:
        assert f"{line} → " in latent.text


def test_without_that_model_there_is_no_column(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(report_text_vae, "PLAIN", "nothing-there")
    card = report_text_vae.report("text-vae-tang", 10, 3)
    assert all(figure.floor is None for figure in card.figures)
    assert "no latent" not in card.text.lower().replace("without a latent", "")


def test_the_gan_stands_beside_real_lines_and_its_start(game: Card):
    assert kind_of(game) is LINES
    bleu = game.figure("bleu_2")
    # Untrained, it writes nothing that real lines hold.
    assert 0 <= bleu.value < bleu.floor <= 1
    assert bleu.args["temperature"] == 1.0
    assert game.figure("line_nats").value == pytest.approx(log(len(VOCABULARY)), rel=0.2)
    assert game.figure("line_nats").args["n"] == sum(len(line) + 1 for line in TEST)
    for model in ("text-gan-tang-start", "text-gan-tang"):
        for temperature in ("0.7", "1"):
            assert game.text.count(f"| {model} | {temperature} |") == 2
    assert "| real lines | – |" in game.text
    assert "| 真实诗句 | – |" in game.text


def test_the_start_stands_alone(home: Path):
    card = report_text_gan.report("text-gan-tang-start", 10, 0)
    assert "| text-gan-tang-start | 1 |" in card.text
    assert "| text-gan-tang | 1 |" not in card.text


@pytest.mark.parametrize("name", ["latent", "game"])
def test_cards_are_whole(name: str, request: pytest.FixtureRequest):
    card: Card = request.getfixturevalue(name)
    english, chinese = card.text.split("## 中文")
    for figure in card.figures:
        assert METRICS[figure.name].says.en in english
        assert METRICS[figure.name].says.zh in chinese
        assert figure.args["weights"].startswith("sha256:")
    for part in (english, chinese):
        assert f"python -m aigc_core.metrics {card.model} --count" in part
    assert "40 lines, 2.7 times the training set" in english
    for block in card.text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
