"""The maths of a text GAN, on languages so small that all their texts can be listed."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from aigc_core.models.oracle import mean_cost, oracle, texts
from aigc_core.models.text_gan import (
    END,
    NOTHING,
    Discriminator,
    Generator,
    discriminator_loss,
    draw,
    expected_loss,
)

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

WORDS, LENGTH = 3, 3


def policy(seed: int = 0, *, ends: bool = False, tied: bool = False) -> Generator:
    torch.manual_seed(seed)
    made = Generator(
        vocabulary="。春江"[:WORDS], length=LENGTH, ends=ends, embedding=4, width=5, tied=tied
    )
    return made.double().eval()


def judge(seed: int = 1, words: int = WORDS) -> Discriminator:
    torch.manual_seed(seed)
    made = Discriminator(words, embedding=4, width=6, dropout=0.0)
    with torch.no_grad():
        made.out.mul_(20)
        made.bias.normal_()
    return made.double().eval()


def all_texts() -> Tensor:
    return torch.tensor(list(product(range(WORDS), repeat=LENGTH)))


def gradient(loss: Tensor, network: torch.nn.Module) -> Tensor:
    found = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    sizes = [weight.numel() for weight in network.parameters()]
    return torch.cat(
        [torch.zeros(n) if g is None else g.flatten() for g, n in zip(found, sizes, strict=True)]
    )


@pytest.mark.parametrize("tied", [False, True])
def test_the_texts_of_a_policy_have_a_probability_of_one_together(tied: bool):
    generator, ids = policy(tied=tied), all_texts()
    costs = generator.costs(ids)
    assert float((-costs).exp().sum().detach()) == pytest.approx(1)
    log_q = generator(ids)
    assert torch.allclose(log_q.exp().sum(2), torch.ones(len(ids), LENGTH).double())
    assert torch.allclose(-log_q.gather(2, ids.unsqueeze(2)).sum((1, 2)), costs)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_texts_are_drawn_as_often_as_they_are_probable(temperature: float):
    generator, ids = policy(), all_texts()
    u = torch.rand(30_000, LENGTH, generator=torch.Generator().manual_seed(0)).double()
    drawn = generator.sample(u, temperature)
    codes = drawn @ torch.tensor([WORDS**2, WORDS, 1])
    shares = torch.bincount(codes, minlength=WORDS**LENGTH) / len(u)
    log_q = (generator(ids) / temperature).log_softmax(2)
    expected = log_q.gather(2, ids.unsqueeze(2)).sum((1, 2)).exp()
    assert torch.allclose((-generator.costs(ids, temperature)).exp(), expected)
    assert float((shares - expected).abs().sum()) < 0.03


def test_a_text_depends_on_its_own_numbers_alone_and_each_row_has_its_temperature():
    generator = policy(ends=True)
    u = torch.rand(40, LENGTH, generator=torch.Generator().manual_seed(0)).double()
    temperature = torch.linspace(0.1, 2, 40).double().unsqueeze(1)
    together = generator.sample(u, temperature)
    for row in range(40):
        alone = generator.sample(u[row : row + 1], float(temperature[row]))
        assert torch.equal(alone[0], together[row])


def test_after_the_end_there_is_nothing_and_it_costs_nothing():
    generator = policy(ends=True)
    u = torch.rand(500, LENGTH, generator=torch.Generator().manual_seed(0)).double()
    ids = generator.sample(u)
    ended = (ids == END).cumsum(1) - (ids == END).long() > 0
    assert ended.any()
    assert torch.equal(ids == NOTHING, ended)
    short = torch.tensor([[1, END, NOTHING], [1, END, 2]])
    log_q = generator(short)
    by_hand = -(log_q[0, 0, 1] + log_q[0, 1, END])
    assert float(generator.costs(short)[0]) == pytest.approx(float(by_hand))
    assert float(generator.costs(short)[1]) > float(by_hand)


def test_draws_hold_at_the_ends_of_the_numbers():
    logits = torch.tensor([[0.0, 0.0, -float("inf")]]).expand(4, 3)
    u = torch.tensor([[0.0], [0.49], [0.51], [1 - 2**-24]])
    assert draw(logits, u).tolist() == [0, 0, 1, 1]


def expected_gradient(generator: Generator, loss_of: Callable[[Tensor], Tensor]) -> Tensor:
    """The mean over all texts, as often as the policy writes them, of a loss's gradient."""
    ids = all_texts()
    shares = (-generator.costs(ids)).exp().detach()
    return sum(
        (share * gradient(loss_of(row.unsqueeze(0)), generator)
         for share, row in zip(shares, ids, strict=True)),
        torch.zeros(()),
    )  # fmt: skip


def test_the_exact_sum_is_the_mean_of_what_is_drawn():
    generator, discriminator = policy(), judge()

    def drawn(text: Tensor) -> Tensor:
        """REINFORCE (Williams 1992) with each word's own reward, what was before it included."""
        with torch.no_grad():
            d = discriminator(text)
            reward = d - pad(d, (1, 0))[:, :-1]
        log_q = generator(text).gather(2, text.unsqueeze(2)).squeeze(2)
        return -(log_q * reward).sum(1).mean()

    def summed(text: Tensor) -> Tensor:
        with torch.no_grad():
            d = discriminator.every(text)
        return expected_loss(generator(text), text, d)

    found = expected_gradient(generator, summed)
    assert float(found.norm()) > 0.01
    assert torch.allclose(found, expected_gradient(generator, drawn), atol=1e-10)


def test_what_could_have_come_is_judged_as_if_it_had():
    discriminator, ids = judge(), all_texts()
    every, own = discriminator.every(ids), discriminator(ids)
    apart = every.gather(2, ids.unsqueeze(2)).squeeze(2) - own
    for place in range(LENGTH):
        by_beginning: dict[tuple[int, ...], Tensor] = {}
        for text, value in zip(ids.tolist(), apart[:, place], strict=True):
            known = by_beginning.setdefault(tuple(text[:place]), value)
            assert torch.allclose(known, value)


def test_the_discriminator_knows_nothing_of_what_comes_later():
    discriminator, ids = judge(), all_texts()
    d = discriminator(ids)
    for row, text in enumerate(ids.tolist()):
        for other, rest in enumerate(ids.tolist()):
            if text[:2] == rest[:2]:
                assert torch.allclose(d[row, :2], d[other, :2])


def trained(discriminator: Discriminator, real: Tensor, made: Tensor, steps: int) -> float:
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=0.03)
    for _ in range(steps):
        loss = discriminator_loss(discriminator, real, made)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return float(discriminator_loss(discriminator, real, made).detach())


def test_the_discriminator_learns_to_tell_two_languages_apart():
    real = torch.tensor([[1, 1, END]] * 8)
    made = torch.tensor([[2, END, NOTHING]] * 8)
    torch.manual_seed(0)
    discriminator = Discriminator(WORDS, embedding=4, width=6, dropout=0.0)
    with torch.no_grad():
        before = float(discriminator_loss(discriminator, real, made))
    assert before == pytest.approx(0.69, abs=0.4)
    assert trained(discriminator, real, made, 60) < 0.05
    assert (discriminator(real) > 1).all()
    assert (discriminator(made)[:, :2] < -1).all()
    assert (discriminator(made)[:, 2] == 0).all()


def test_the_discriminators_logit_becomes_the_logarithm_of_the_ratio():
    real = torch.tensor([[0]] * 6 + [[1]] * 3 + [[2]] * 1)
    made = torch.tensor([[0]] * 2 + [[1]] * 3 + [[2]] * 5)
    torch.manual_seed(0)
    discriminator = Discriminator(WORDS, embedding=4, width=6, dropout=0.0)
    trained(discriminator, real, made, 300)
    found = discriminator(torch.tensor([[0], [1], [2]])).flatten().exp().tolist()
    assert found == pytest.approx([3, 1, 0.2], rel=0.05)


def test_an_oracle_is_its_seeds():
    one, again, other = (oracle(seed, words=20, length=4) for seed in (3, 3, 4))
    assert torch.equal(texts(one, 50, seed=1), texts(again, 50, seed=1))
    assert not torch.equal(texts(one, 50, seed=1), texts(one, 50, seed=2))
    assert not torch.equal(texts(one, 50, seed=1), texts(other, 50, seed=1))
    weights = torch.cat([weight.flatten() for weight in oracle(0).parameters()])
    assert float(weights.mean()) == pytest.approx(0, abs=0.01)
    assert float(weights.std()) == pytest.approx(1, abs=0.01)


def test_what_an_oracle_writes_costs_it_its_entropy():
    known = oracle(0, words=60, length=8)
    ids = texts(known, 4_000, seed=1)
    log_p = known(ids)
    entropy = float(-(log_p.exp() * log_p).sum(2).mean())
    assert mean_cost(known, ids) == pytest.approx(entropy, abs=0.02)
    assert mean_cost(known, texts(known, 4_000, seed=2)) == pytest.approx(entropy, abs=0.03)
    # What it did not write costs more, and what it writes at a lower temperature less.
    anything = torch.randint(60, (4_000, 8), generator=torch.Generator().manual_seed(0))
    assert mean_cost(known, anything) > entropy + 1
    assert mean_cost(known, texts(known, 4_000, seed=1, temperature=0.5)) < entropy - 0.3
