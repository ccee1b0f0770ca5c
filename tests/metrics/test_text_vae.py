"""The figures of a text VAE on a few lines, against calculations by hand."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical

from aigc_core.data.tang_lines import as_numbers
from aigc_core.metrics import text_vae
from aigc_core.metrics.text_vae import costs, text_vae_figures
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.models.text_vae import TextVAE
from aigc_core.training.text_vae import FreeBits

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

VOCABULARY = "\n一二三四五六七八九"
RNG = np.random.default_rng(0)
LINES = ["".join(RNG.choice(list(VOCABULARY[1:]), n)) for n in (5, 7, 7, 5, 7, 7, 5, 7)]


def network() -> TextVAE:
    torch.manual_seed(0)
    return TextVAE(
        vocabulary=VOCABULARY, latent_dim=4, embedding=16, reader=16, writer=32, dropout=0.0
    ).eval()


@pytest.fixture(scope="module")
def learned() -> TextVAE:
    """It knows these lines by heart."""
    made = network().train()
    game = FreeBits(made, floor=10.0)
    x = (torch.from_numpy(as_numbers(LINES, VOCABULARY)),)
    optimiser = torch.optim.Adam(made.parameters(), lr=0.03)
    noise = torch.Generator().manual_seed(0)
    for _ in range(120):
        ((_, loss),) = game.step(x, noise)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return made.eval()


def test_the_figures_of_a_network_that_uses_its_latent(learned: TextVAE):
    figures = text_vae_figures(learned, LINES, samples=20, drawn=50)
    assert figures["characters"] > 0.95
    assert figures["whole"] > 0.8
    assert figures["distortion"] + 5 < figures["others"]
    assert figures["iw_nll"] < figures["elbo_nll"]
    assert figures["elbo_nll"] == pytest.approx(figures["distortion"] + figures["rate"], rel=1e-4)
    assert (figures["active"], figures["units"]) == (4, 4)
    assert {name: figures[name] for name in ("n", "samples", "drawn", "seed")} == {
        "n": 8,
        "samples": 20,
        "drawn": 50,
        "seed": 0,
    }
    assert json.loads(json.dumps(figures)) == figures


def test_a_writer_without_latent_is_told_by_every_measure():
    collapsed = network()
    with torch.no_grad():
        collapsed.latent.weight.zero_()
        collapsed.latent.bias.zero_()
        collapsed.start.weight.zero_()
        collapsed.writer.weight_ih[:, 16:] = 0
        collapsed.down.weight[:, 32:] = 0
    figures = text_vae_figures(collapsed, LINES, samples=5, drawn=20)
    assert (figures["rate"], figures["active"]) == (0, 0)
    assert figures["others"] == pytest.approx(figures["distortion"])
    assert figures["iw_nll"] == pytest.approx(figures["elbo_nll"], rel=1e-5)


def test_units_that_do_not_vary_with_the_line_are_not_active(learned: TextVAE):
    changed = network()
    changed.load_state_dict(learned.state_dict())
    with torch.no_grad():
        changed.latent.weight[1:3] = 0
        changed.latent.bias[1:3] = 2.0  # They have a rate, and tell nothing.
    figures = text_vae_figures(changed, LINES, samples=1, drawn=2)
    assert figures["active"] == 2
    assert figures["rate"] > 4


def test_a_seed_gives_the_same_figures(learned: TextVAE):
    first, again, other = (
        text_vae_figures(learned, LINES, samples=2, drawn=20, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_parts_are_put_together_in_order(learned: TextVAE, monkeypatch: pytest.MonkeyPatch):
    whole = text_vae_figures(learned, LINES, samples=1, drawn=2)
    monkeypatch.setattr(text_vae, "PART", 3)
    parts = text_vae_figures(learned, LINES, samples=1, drawn=2)
    for name in ("rate", "characters", "whole", "active"):
        assert parts[name] == pytest.approx(whole[name], rel=1e-4)


def test_lines_of_the_prior_are_judged_by_their_form(learned: TextVAE):
    before = text_vae_figures(learned, LINES, samples=1, drawn=200)
    assert 0.5 < before["form"] <= 1
    changed: Any = network()
    changed.load_state_dict(learned.state_dict())
    with torch.no_grad():
        changed.bias[0] = -50.0
    after = text_vae_figures(changed, LINES, samples=1, drawn=200)
    assert after["form"] == 0
    with torch.no_grad():
        changed.bias[0] = 50.0
    empty = text_vae_figures(changed, LINES, samples=1, drawn=200)
    assert (empty["form"], empty["distinct"]) == (0, 1 / 200)


def test_a_language_models_costs_are_the_sums_of_its_surprises():
    torch.manual_seed(1)
    model = CharLSTM(vocabulary=VOCABULARY, embedding=8, width=8, layers=1).eval()
    x = torch.from_numpy(as_numbers(LINES, VOCABULARY)).long()
    found = costs(model, x)
    for line, cost in zip(LINES, found, strict=True):
        assert cost == pytest.approx(surprise(model, line), rel=1e-5)
    figures = text_vae_figures(network(), LINES, plain_writer=model, samples=1, drawn=2)
    assert figures["plain_nll"] == pytest.approx(found.mean(), rel=1e-5)


@torch.no_grad()
def surprise(model: CharLSTM, line: str) -> float:
    """Character by character, each from all before it."""
    ids = [VOCABULARY.index(c) for c in f"\n{line}\n"]
    total = Tensor([0.0])
    for place in range(1, len(ids)):
        logits, _ = model(torch.tensor([ids[:place]]))
        total -= Categorical(logits=logits[0, -1]).log_prob(torch.tensor(ids[place]))
    return total.item()
