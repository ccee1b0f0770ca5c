import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from aigc_core.metrics.language import NOTHING, long_text_costs, numbers, row_costs
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.models.char_transformer import CharTransformer

LETTERS = "\nabcdefg"


@pytest.fixture(scope="module")
def transformer() -> CharTransformer:
    torch.manual_seed(0)
    network = CharTransformer(vocabulary=LETTERS, context=16, width=16, layers=2, heads=2)
    for weight in network.parameters():  # Else it would be nearly undecided everywhere.
        weight.data.mul_(4)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def lstm() -> CharLSTM:
    torch.manual_seed(0)
    network = CharLSTM(vocabulary=LETTERS, embedding=8, width=12, layers=2)
    return network.eval().requires_grad_(False)


def text(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, len(LETTERS), length)


def alone(network, ids: np.ndarray, start: int, at: int) -> float:
    """The cost of one character, read after those from `start` on."""
    logits, _ = network(torch.from_numpy(ids[start:at])[None])
    return float(cross_entropy(logits[0, -1], torch.tensor(int(ids[at]))))


@pytest.mark.parametrize("length", [2, 16, 17, 18, 33, 50, 16 * 40 + 7])
def test_blocks_do_not_overlap_and_leave_nothing_out(transformer: CharTransformer, length: int):
    ids = text(length)
    costs = long_text_costs(transformer, ids).numpy()
    assert costs.shape == (length - 1,)
    for at in {1, length // 2, length - 1} - {0}:
        start = (at - 1) // 16 * 16
        assert costs[at - 1] == pytest.approx(alone(transformer, ids, start, at), abs=1e-4)


@pytest.mark.parametrize("length", [2, 17, 18, 21, 50, 16 * 40 + 7])
@pytest.mark.parametrize("stride", [2, 4, 16])
def test_a_sliding_window_gives_each_character_nearly_the_context(
    transformer: CharTransformer, length: int, stride: int
):
    ids = text(length)
    costs = long_text_costs(transformer, ids, stride).numpy()
    assert costs.shape == (length - 1,)
    for at in {1, length // 3, length // 2, length - 1} - {0}:
        # Windows begin at multiples of the stride; the first that reaches the character tells.
        start = max(0, -(-(at - 16) // stride) * stride)
        assert at - start > 16 - stride or start == 0
        assert costs[at - 1] == pytest.approx(alone(transformer, ids, start, at), abs=1e-4)


def test_a_state_is_carried_through_the_whole_text(lstm: CharLSTM):
    ids = text(700)
    costs = long_text_costs(lstm, ids).numpy()
    assert costs.shape == (699,)
    for at in (1, 256, 257, 300, 699):
        assert costs[at - 1] == pytest.approx(alone(lstm, ids, 0, at), abs=1e-4)


def test_rows_cost_what_each_does_alone(transformer: CharTransformer):
    rows = np.full((40, 12), NOTHING)
    for place, row in enumerate(rows):
        row[: 4 + place % 8] = text(4 + place % 8, seed=place)
    costs = row_costs(transformer, rows).numpy()
    assert costs.shape == (40, 11)
    for place in (0, 5, 39):
        length = 4 + place % 8
        for at in range(1, length):
            expected = alone(transformer, rows[place], 0, at)
            assert costs[place, at - 1] == pytest.approx(expected, abs=1e-4)
        assert (costs[place, length - 1 :] == 0).all()


def test_characters_have_the_numbers_of_the_vocabulary():
    assert numbers("bad\n", LETTERS).tolist() == [2, 1, 4, 0]
    with pytest.raises(KeyError):
        numbers("xyz", LETTERS)
