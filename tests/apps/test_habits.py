"""What heads are said to do, on weights made by hand."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from apps.text.habits import habit

CHARACTERS = list("the cat and the cat sat on the mat")
WORDS = ["The", " king", " is", " dead", ",", " the", " king", " is", " not", " dead"]


def looking(tokens: Sequence[str], where: Callable[[int], int], much: float = 1.0) -> np.ndarray:
    """Weights (t, t) of a head that looks at one place, and everywhere alike with the rest."""
    count = len(tokens)
    weights = np.tril(np.ones((count, count)))
    weights *= (1 - much) / weights.sum(1, keepdims=True)
    for t in range(count):
        weights[t, where(t)] += much
    assert weights.sum(1) == pytest.approx(np.ones(count))
    return weights.astype(np.float32)


def start_of_word(t: int) -> int:
    return 1 + max((s for s in range(t) if CHARACTERS[s] == " "), default=-1)


def space_before(t: int) -> int:
    return max((s for s in range(t) if CHARACTERS[s] == " "), default=0)


def seen_before(t: int) -> int:
    return max((s for s in range(t) if CHARACTERS[s] == CHARACTERS[t]), default=t)


def followed(t: int) -> int:
    return max((s + 1 for s in range(t - 1) if CHARACTERS[s] == CHARACTERS[t]), default=t)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (lambda t: max(0, t - 1), "looks at the previous character"),
        (lambda t: t, "looks at the character itself"),
        (lambda t: 0, "rests on the first character"),
        (start_of_word, "looks at the beginning of the word"),
        (space_before, "looks at the last space"),
        (seen_before, "looks at earlier copies of the same character"),
        (followed, "looks at what came after the same character earlier (induction)"),
    ],
)
def test_each_habit_is_told_by_its_name(where: Callable[[int], int], says: str) -> None:
    found = habit(looking(CHARACTERS, where), CHARACTERS)
    assert found is not None
    assert found.name.en == says
    assert found.weight == pytest.approx(1)


def test_the_figure_is_the_mean_weight() -> None:
    weights = looking(CHARACTERS, lambda t: max(0, t - 1), much=0.5)
    found = habit(weights, CHARACTERS)
    assert found is not None
    assert found.weight == pytest.approx(np.diag(weights, -1).mean())


def test_tokens_are_called_tokens() -> None:
    found = habit(looking(WORDS, lambda t: max(0, t - 1)), WORDS)
    assert found is not None
    assert found.name == ("looks at the previous token", "看前一个词元")


def test_a_head_that_looks_everywhere_does_nothing_simple() -> None:
    assert habit(looking(CHARACTERS, lambda t: 0, much=0), CHARACTERS) is None
    assert habit(looking(CHARACTERS, lambda t: max(0, t - 1), much=0.2), CHARACTERS) is None


def test_too_few_places_say_nothing() -> None:
    assert habit(looking("ab", lambda t: max(0, t - 1)), "ab") is None


def test_a_layer_without_attention_has_no_habit() -> None:
    assert habit(np.full((34, 34), np.nan), CHARACTERS) is None
