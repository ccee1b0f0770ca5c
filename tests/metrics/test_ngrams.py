"""N-grams against the formula written out in dictionaries, and against what must hold of any."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from aigc_core.metrics.ngrams import KneserNey, found, mean_cost

SIZE = 5


def sequences(seed: int, lengths: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    # Characters that depend on the one before, so that contexts matter.
    texts = []
    for length in lengths:
        text = [0]
        while len(text) < length:
            text.append(int((text[-1] + rng.choice([0, 1, 2], p=[0.1, 0.6, 0.3])) % SIZE))
        texts.append(np.array(text))
    return texts


class ByHand:
    """Interpolated Kneser-Ney, one probability at a time."""

    def __init__(self, order: int, texts: list[np.ndarray]) -> None:
        self.order = order
        grams: Counter[tuple[int, ...]] = Counter()
        for text in texts:
            padded = [SIZE] * (order - 1) + text.tolist()
            grams.update(tuple(padded[i : i + order]) for i in range(len(text)))
        self.counts: dict[int, Counter[tuple[int, ...]]] = {order: grams}
        for length in range(order - 1, 0, -1):
            self.counts[length] = Counter(gram[1:] for gram in self.counts[length + 1])
        self.discounts = {}
        self.followers: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for length, counts in self.counts.items():
            once = sum(count == 1 for count in counts.values())
            twice = sum(count == 2 for count in counts.values())
            self.discounts[length] = once / (once + 2 * twice) if once else 0.5

    def p(self, character: int, context: tuple[int, ...]) -> float:
        length = len(context) + 1
        shorter = self.p(character, context[1:]) if context else 1 / SIZE
        counts = self.counts[length]
        followers = {gram: n for gram, n in counts.items() if gram[:-1] == context}
        total = sum(followers.values())
        if not total:
            return shorter
        discount = self.discounts[length]
        own = max(counts[(*context, character)] - discount, 0)
        return (own + discount * len(followers) * shorter) / total


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_costs_are_those_of_the_formula(order: int):
    train, (text,) = sequences(0, (60, 25)), sequences(1, (30,))
    model, by_hand = KneserNey(order, SIZE, train), ByHand(order, train)
    padded = [SIZE] * (order - 1) + text.tolist()
    expected = [
        -np.log(by_hand.p(padded[at + order - 1], tuple(padded[at : at + order - 1])))
        for at in range(len(text))
    ]
    assert model.costs(text) == pytest.approx(expected)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_add_up_to_one(order: int):
    model = KneserNey(order, SIZE, sequences(0, (200,)))
    # A context that occurred often, and one that never did.
    for context in ([0, 1, 2, 3], [4, 3, 2, 1]):
        texts = [np.array([*context, last]) for last in range(SIZE)]
        total = sum(np.exp(-model.costs(text)[-1]) for text in texts)
        assert total == pytest.approx(1)


def test_more_context_predicts_better_and_all_is_finite():
    train, test = sequences(0, (4000,)), sequences(1, (500,))
    costs = [mean_cost(KneserNey(order, SIZE, train), test, 1) for order in (1, 2, 3)]
    assert costs[0] == pytest.approx(np.log(SIZE), abs=0.01)
    entropy = -sum(p * np.log(p) for p in (0.1, 0.6, 0.3))
    assert costs[1] == pytest.approx(entropy, abs=0.05)
    assert costs[2] == pytest.approx(entropy, abs=0.1)


def test_a_character_that_never_occurred_costs_a_finite_amount():
    model = KneserNey(2, 9, sequences(0, (100,)))
    costs = model.costs(np.array([0, 8, 8, 1]))
    assert np.isfinite(costs).all()
    assert costs[1] > np.log(9)


def test_the_given_first_characters_are_not_counted():
    model, (text,) = KneserNey(2, SIZE, sequences(0, (50,))), sequences(2, (20,))
    assert mean_cost(model, [text], 3) == pytest.approx(model.costs(text)[3:].mean())


def test_an_order_whose_codes_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="order 6"):
        KneserNey(6, 6000, [np.array([1, 2])])
    KneserNey(5, 6000, [np.array([1, 2, 5999])])


def test_places_are_found_or_missing():
    codes = np.array([2, 5, 9])
    assert found(codes, np.array([1, 2, 5, 7, 9, 12])).tolist() == [-1, 0, 1, -1, 2, -1]
