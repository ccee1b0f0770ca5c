"""The text VAE against torch's own distributions and layers, and its bounds against each other."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Normal, kl_divergence

from aigc_core.models.text_vae import (
    END,
    NOTHING,
    TextVAE,
    distortion,
    free_bits,
    likeliest,
    rate,
    reversing,
)

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

VOCABULARY = "\n一二三四五六七八九"


def network(seed: int = 0, latent_dim: int = 3) -> TextVAE:
    """A network whose latent matters from the start."""
    torch.manual_seed(seed)
    made = TextVAE(
        vocabulary=VOCABULARY, latent_dim=latent_dim, embedding=6, reader=5, writer=8
    ).eval()
    with torch.no_grad():
        made.token.weight.mul_(10)
        made.latent.weight.mul_(3)
    return made


@pytest.fixture
def vae() -> TextVAE:
    return network()


def lines() -> Tensor:
    """Two lines of seven, two of five and one of one character."""
    rows = torch.full((5, 8), NOTHING)
    rng = torch.Generator().manual_seed(1)
    for row, length in zip(rows, (7, 5, 7, 5, 1), strict=True):
        row[:length] = torch.randint(1, len(VOCABULARY), (length,), generator=rng)
        row[length] = END
    return rows


def rng(seed: int = 2) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_distortion_and_rate_are_those_of_torchs_distributions(vae: TextVAE):
    x = lines()
    mean, log_variance = vae.encode(x)
    posterior = Normal(mean, (log_variance / 2).exp())
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    z = mean + posterior.stddev * torch.randn(mean.shape, generator=rng())
    logits = vae.decode(z, x)
    truth = [
        -sum(
            Categorical(logits=logits[row, place]).log_prob(character)
            for place, character in enumerate(line[line >= 0])
        )
        for row, line in enumerate(x)
    ]
    found, rates = vae.bounds(x, rng())
    torch.testing.assert_close(found, torch.stack(truth))
    torch.testing.assert_close(rates, kl_divergence(posterior, prior))


def test_the_reader_is_torchs_bidirectional_lstm_and_a_maximum(vae: TextVAE):
    theirs = nn.LSTM(6, 5, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for ours, ending in ((vae.forwards, "l0"), (vae.backwards, "l0_reverse")):
            getattr(theirs, f"weight_ih_{ending}").copy_(ours.weight_ih)
            getattr(theirs, f"weight_hh_{ending}").copy_(ours.weight_hh)
            getattr(theirs, f"bias_ih_{ending}").copy_(ours.bias)
            getattr(theirs, f"bias_hh_{ending}").zero_()
    for line in lines():
        whole = line[line >= 0]
        read, _ = theirs(vae.token(whole).unsqueeze(0))
        expected = vae.latent(read[0].amax(0))
        found = torch.cat(vae.encode(line.unsqueeze(0)), dim=1)[0]
        torch.testing.assert_close(found, expected)


def test_a_line_reads_and_costs_the_same_alone_and_among_others(vae: TextVAE):
    x = lines()
    mean, log_variance = vae.encode(x)
    costs = distortion(x, vae.decode(mean, x))
    written = vae.write(mean, lengths=(5, 7))
    for row, line in enumerate(x):
        short = line[line >= 0].unsqueeze(0)
        alone = vae.encode(short)
        torch.testing.assert_close(alone[0][0], mean[row])
        torch.testing.assert_close(alone[1][0], log_variance[row])
        torch.testing.assert_close(distortion(short, vae.decode(alone[0], short))[0], costs[row])
        assert torch.equal(vae.write(mean[row : row + 1], lengths=(5, 7))[0], written[row])


def test_lines_are_turned_round_within_their_length():
    x = torch.tensor([[4, 3, 2, 0, -1, -1], [5, 4, 3, 2, 1, 0]])
    turned = x.gather(1, reversing(x >= 0))
    assert turned.tolist() == [[0, 2, 3, 4, -1, -1], [0, 1, 2, 3, 4, 5]]


def test_nothing_looks_ahead(vae: TextVAE):
    x, z = lines()[:1], torch.randn(1, 3, generator=rng())
    changed = x.clone()
    changed[0, 4] = x[0, 4] % 9 + 1
    before, after = vae.decode(z, x)[0], vae.decode(z, changed)[0]
    assert torch.equal(before[:5], after[:5])
    assert not torch.allclose(before[5:], after[5:])


def test_hidden_characters_are_not_told(vae: TextVAE):
    x, z = lines()[:1], torch.randn(1, 3, generator=rng())
    changed = x.clone()
    changed[0, 4] = x[0, 4] % 9 + 1
    hidden = torch.zeros_like(x, dtype=torch.bool)
    hidden[0, 5] = True
    assert torch.equal(vae.decode(z, x, hidden), vae.decode(z, changed, hidden))
    assert not torch.equal(vae.decode(z, x, hidden), vae.decode(z, x))


def test_without_characters_and_latent_all_places_are_alike_but_for_the_state(vae: TextVAE):
    """Word dropout of one hides everything: the line no longer tells of itself."""
    x = lines()[[0, 2]]
    same = torch.zeros(2, 3)
    hidden = torch.ones_like(x, dtype=torch.bool)
    first, second = vae.decode(same, x, hidden)
    assert torch.equal(first, second)


def test_steps_with_a_state_are_the_whole(vae: TextVAE):
    z, ids = torch.randn(4, 3, generator=rng()), lines()[:4, :6].clamp(min=0)
    whole, _ = vae.following(z, ids)
    state, parts = None, []
    for place in range(ids.shape[1]):
        logits, state = vae.following(z, ids[:, place : place + 1], state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)


def test_one_draw_bounds_as_the_elbo_and_more_draws_bound_closer(vae: TextVAE):
    x, many = lines(), rng()
    with torch.no_grad():
        costs, rates = vae.bounds(x.repeat(2000, 1), many)
    elbos = -(costs + rates.sum(1)).view(2000, 5)
    once, ten, hundred = (
        vae.log_likelihood(x.repeat(repeats, 1), k, many).view(repeats, 5)
        for k, repeats in ((1, 2000), (10, 200), (100, 40))
    )
    spread = 4 * (elbos.std(0) + once.std(0)) / math.sqrt(2000)
    assert ((elbos.mean(0) - once.mean(0)).abs() < spread).all()
    assert once.mean() + 0.02 < ten.mean()
    assert ten.mean() < hundred.mean() + 0.01


def test_the_weights_of_many_draws_come_to_the_likelihood_that_a_grid_over_z_gives():
    """With one number for z, the integral over it can be done by hand."""
    vae = network(latent_dim=1)
    points = torch.linspace(-8, 8, 1601).unsqueeze(1)
    prior = Normal(0.0, 1.0).log_prob(points[:, 0]) + math.log(16 / 1600)
    for line in lines():
        with torch.no_grad():
            given = distortion(line.expand(1601, -1), vae.decode(points, line.expand(1601, -1)))
        truth = (prior - given).logsumexp(0)
        # The mean of bounds' exponentials is unbiased, whatever k.
        bounds = vae.log_likelihood(line.expand(10_000, -1), 3, rng())
        found = bounds.logsumexp(0) - math.log(10_000)
        torch.testing.assert_close(found, truth, atol=0.03, rtol=0)


def test_free_bits_count_what_is_above_the_floor_and_below_it_nothing():
    mean = torch.tensor([[0.1, 2.0], [-0.1, 1.0]], requires_grad=True)
    log_variance = torch.tensor([[0.0, -1.0], [0.1, 0.0]], requires_grad=True)
    rates = rate(mean, log_variance)
    assert rates.mean(0)[0] < 0.5 < rates.mean(0)[1]
    cost = free_bits(rates, 0.5)
    assert cost.item() == pytest.approx(0.5 + rates.mean(0)[1].item())
    slopes = torch.autograd.grad(cost, (mean, log_variance))
    for slope in slopes:
        assert not slope[:, 0].any()
    assert slopes[0][:, 1].tolist() == pytest.approx([1.0, 0.5])  # d/dm of m²/2 over two lines.
    assert free_bits(rates, 0.0).item() == pytest.approx(rates.mean(0).sum().item())


def test_greedy_lines_take_the_likeliest_character_each_time(vae: TextVAE):
    z = torch.randn(6, 3, generator=rng())
    for row, line in enumerate(vae.write(z, lengths=(7,))):
        before: list[int] = [END]
        for character in line[:7].tolist():
            logits, _ = vae.following(z[row : row + 1], torch.tensor([before]))
            assert character == int(logits[0, -1, 1:].argmax()) + 1
            before.append(character)
        assert line[7] == END


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_lines_of_given_lengths_have_them(temperature: float, vae: TextVAE):
    z = torch.randn(40, 3, generator=rng())
    for lengths in ((5,), (7,), (5, 7)):
        x = vae.write(z, lengths=lengths, longest=lengths[-1], temperature=temperature, rng=rng())
        assert x.shape == (40, lengths[-1] + 1)
        for row in x.tolist():
            end = row.index(END)
            assert end in lengths
            assert min(row[:end]) > 0
            assert set(row[end + 1 :]) <= {NOTHING}


def test_a_line_ends_early_where_that_is_likelier_than_going_on(vae: TextVAE):
    z = torch.randn(1, 3, generator=rng())
    with torch.no_grad():
        vae.bias[END] = 9.0
    assert vae.write(z, lengths=(5, 7))[0].tolist().index(END) == 5
    assert vae.write(z)[0, 0] == END
    with torch.no_grad():
        vae.bias[END] = -9.0
    assert vae.write(z, lengths=(5, 7))[0].tolist().index(END) == 7
    assert END not in vae.write(z)[0]


def test_the_end_must_outweigh_all_others_together():
    thirds = torch.tensor([[0.4, 0.35, 0.25], [0.6, 0.1, 0.3]]).log()
    assert likeliest(thirds).tolist() == [1, END]


def test_drawing_follows_the_seed_and_the_probabilities(vae: TextVAE):
    z = torch.randn(1, 3, generator=rng()).expand(4000, -1)
    first, again, other = (vae.write(z, temperature=0.8, rng=rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    logits, _ = vae.following(z[:1], torch.tensor([[END]]))
    expected = (logits[0, 0] / 0.8).softmax(0)
    shares = first[:, 0].bincount(minlength=len(VOCABULARY)) / 4000
    torch.testing.assert_close(shares, expected, atol=0.03, rtol=0)


def test_the_settings_make_the_same_network_again(vae: TextVAE):
    again = TextVAE(**vae._hub_mixin_config)
    again.load_state_dict(vae.state_dict())
    x = lines()
    torch.testing.assert_close(again.eval().encode(x), vae.encode(x))
