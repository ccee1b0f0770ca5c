"""The LSTM's cell against torch's own, with the same weights."""

import pytest
import torch
from torch import nn

from aigc_core.models.char_lstm import LSTM, CharLSTM, State

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

INPUTS, WIDTH = 5, 7


def theirs(*layers: LSTM) -> nn.LSTM:
    """Torch's LSTM with the weights of ours, which has one bias instead of two."""
    first, made = layers[0], nn.LSTM(INPUTS, WIDTH, len(layers), batch_first=True)
    assert first.weight_ih.shape == made.weight_ih_l0.shape
    with torch.no_grad():
        for place, layer in enumerate(layers):
            getattr(made, f"weight_ih_l{place}").copy_(layer.weight_ih)
            getattr(made, f"weight_hh_l{place}").copy_(layer.weight_hh)
            getattr(made, f"bias_ih_l{place}").copy_(layer.bias)
            getattr(made, f"bias_hh_l{place}").zero_()
    return made


@pytest.fixture
def layer() -> LSTM:
    torch.manual_seed(0)
    made = LSTM(INPUTS, WIDTH)
    nn.init.normal_(made.bias)
    return made


@pytest.fixture
def network() -> CharLSTM:
    torch.manual_seed(1)
    return CharLSTM(vocabulary="abcdefgh", embedding=INPUTS, width=WIDTH, layers=2).eval()


def test_a_layer_is_torchs(layer: LSTM):
    x = torch.randn(3, 11, INPUTS)
    shown, state = layer(x)
    expected, (h, c) = theirs(layer)(x)
    torch.testing.assert_close(shown, expected)
    torch.testing.assert_close(state.hidden, h[0])
    torch.testing.assert_close(state.cell, c[0])


def test_a_layer_goes_on_from_a_state_as_torchs(layer: LSTM):
    x, h, c = torch.randn(3, 4, INPUTS), torch.randn(3, WIDTH), torch.randn(3, WIDTH)
    shown, state = layer(x, State(h, c))
    expected, (_, memory) = theirs(layer)(x, (h.unsqueeze(0), c.unsqueeze(0)))
    torch.testing.assert_close(shown, expected)
    torch.testing.assert_close(state.cell, memory[0])


def test_its_gradients_are_torchs(layer: LSTM):
    x, peer = torch.randn(2, 6, INPUTS), theirs(layer)
    layer(x)[0].square().sum().backward()
    peer(x)[0].square().sum().backward()
    torch.testing.assert_close(layer.weight_ih.grad, peer.weight_ih_l0.grad)
    torch.testing.assert_close(layer.weight_hh.grad, peer.weight_hh_l0.grad)
    torch.testing.assert_close(layer.bias.grad, peer.bias_ih_l0.grad)


def test_the_network_is_layers_between_one_table_of_characters(network: CharLSTM):
    ids = torch.randint(8, (2, 9))
    logits, _ = network(ids)
    h, _ = theirs(*network.layers)(network.token(ids))
    expected = h @ network.down.weight.T @ network.token.weight.T + network.bias
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("cut", [1, 4, 8])
def test_it_goes_on_where_it_stopped(cut: int, network: CharLSTM):
    ids = torch.randint(8, (2, 9))
    whole, end = network(ids)
    first, state = network(ids[:, :cut])
    second, state = network(ids[:, cut:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    for ours, expected in zip(state, end, strict=True):
        torch.testing.assert_close(ours, expected)


def test_a_text_is_read_alike_alone_and_beside_others(network: CharLSTM):
    ids = torch.randint(8, (3, 6))
    together, _ = network(ids)
    for row in range(3):
        torch.testing.assert_close(network(ids[row : row + 1])[0][0], together[row])


def test_at_first_the_memory_stays():
    made = LSTM(INPUTS, WIDTH)
    assert made.bias[WIDTH : 2 * WIDTH].eq(1).all()
    assert made.bias.sum() == WIDTH
