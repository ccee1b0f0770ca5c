"""The search against the enumeration of all that can be written."""

from collections.abc import Callable
from itertools import product

import pytest
import torch

from aigc_core.models.beam_search import Beam, BeamSearch

END, WORDS = 0, 4


def table(seed: int) -> Callable[[list[int]], torch.Tensor]:
    """Log-probabilities of the next word that depend on all words before."""

    def of(words: list[int]) -> torch.Tensor:
        rng = torch.Generator().manual_seed(seed * 7919 + hash(tuple(words)) % 10_007)
        return torch.randn(WORDS, generator=rng).mul(2).log_softmax(0)

    return of


def searched(
    seeds: list[int],
    *,
    beams: int,
    longest: int,
    alpha: float = 1.0,
    never: list[int] | None = None,
) -> list[list[Beam]]:
    """Runs a search whose states are the words themselves."""
    search = BeamSearch(
        len(seeds),
        start=9,
        ends=[END],
        beams=beams,
        longest=longest,
        alpha=alpha,
        never=never or [],
    )
    states = [(seed, list[int]()) for seed in seeds]
    first = True
    while not search.over:
        states = [
            (states[row][0], states[row][1] if first else [*states[row][1], word])
            for row, word in zip(search.rows.tolist(), search.last.tolist(), strict=True)
        ]
        first = False
        search.advance(torch.stack([table(seed)(words) for seed, words in states]))
    return [search.found(place) for place in range(len(seeds))]


def everything(seed: int, longest: int, alpha: float) -> list[Beam]:
    """All translations with their scores, best first."""
    found = []
    for length in range(longest + 1):
        for words in product(range(1, WORDS), repeat=length):
            whole = [*words, END] if length < longest else [*words]
            total = sum(table(seed)(whole[:at])[word].item() for at, word in enumerate(whole))
            found.append(Beam([*words], total / len(whole) ** alpha))
    return sorted(found, key=lambda beam: -beam.score)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_that_holds_everything_finds_the_best(seed: int, alpha: float):
    (found,) = searched([seed], beams=100, longest=3, alpha=alpha)
    wanted = everything(seed, 3, alpha)
    assert len(found) == len(wanted) == 1 + 3 + 9 + 27
    assert found[0].words == wanted[0].words
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.score == pytest.approx(theirs.score, abs=1e-5)


def test_one_beam_takes_the_likeliest_word_each_time():
    for seed in range(8):
        words: list[int] = []
        while len(words) < 6 and (word := int(table(seed)(words).argmax())) != END:
            words.append(word)
        ((found,),) = searched([seed], beams=1, longest=6)
        assert found.words == words


def test_a_wider_beam_finds_what_a_narrow_one_missed():
    better = worse = 0
    for seed in range(30):
        (narrow, wide) = (searched([seed], beams=b, longest=6)[0][0].score for b in (1, 5))
        better, worse = better + (wide > narrow + 1e-6), worse + (wide < narrow - 1e-6)
    assert better > 5 > worse


def test_sentences_side_by_side_are_translated_as_alone():
    together = searched([1, 2, 3, 4], beams=3, longest=5)
    alone = [searched([seed], beams=3, longest=5)[0] for seed in (1, 2, 3, 4)]
    assert [[b.words for b in found] for found in together] == [
        [b.words for b in found] for found in alone
    ]


def test_as_many_as_are_kept_are_found_best_first_and_all_differ():
    (found,) = searched([5], beams=4, longest=6)
    scores = [beam.score for beam in found]
    assert len(found) == 4 == len({tuple(beam.words) for beam in found})
    assert scores == sorted(scores, reverse=True)


def test_what_must_never_be_written_is_not():
    for seed in range(5):
        (found,) = searched([seed], beams=3, longest=5, never=[2])
        assert all(2 not in beam.words for beam in found)


def test_a_search_tells_its_best_while_it_goes_on():
    search = BeamSearch(1, start=9, ends=[END], beams=2, longest=3)
    assert search.best(0) == []
    search.advance(torch.tensor([[0.1, 0.5, 0.3, 0.1]]).log())
    assert search.best(0) == [1]
    assert search.last.tolist() == [1, 2]
    assert search.rows.tolist() == [0, 0]
    search.advance(torch.tensor([[0.05, 0.05, 0.8, 0.1], [0.1, 0.1, 0.1, 0.7]]).log())
    assert search.best(0) == [1, 2]
    assert search.rows.tolist() == [0, 1]
    search.advance(torch.tensor([[0.9, 0.05, 0.025, 0.025], [0.7, 0.1, 0.1, 0.1]]).log())
    assert search.over
    assert search.best(0) == search.found(0)[0].words == [1, 2]
