"""A recurrent network that writes character by character: the LSTM language model.

Like every language model it factors the probability of a text into that of each character given
those before, p(x) = prod_t p(x_t | x_<t). Where a Transformer looks back at every place, a
recurrent network carries what it has read in a state of fixed size, and reads one character more:

    state_t = cell(x_t, state_{t-1}),    p(x_{t+1} | x_<=t) = softmax(W out_t)

A plain cell forgets: what must live through many steps is multiplied by a matrix in each of them.
The long short-term memory (Hochreiter & Schmidhuber 1997; with the forget gate of Gers et al.
2000) keeps a memory c that is only scaled and added to, and gates that say how much:

    i = sigmoid(W_i x + U_i h + b_i)     input gate: what comes in
    f = sigmoid(W_f x + U_f h + b_f)     forget gate: what stays
    o = sigmoid(W_o x + U_o h + b_o)     output gate: what is shown
    g = tanh(W_g x + U_g h + b_g)        what is new
    c' = f * c + i * g,    h' = o * tanh(c')

The memory reaches back as far as the forget gates let it, and there is no end to the text that it
can read. Layers are stacked: the second reads what the first shows. Dropout falls on what goes
into a layer and out of the last, not on the way through time (Zaremba et al. 2014, https://arxiv.org/abs/1409.2329).
"""

from typing import NamedTuple

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.functional import linear


class State(NamedTuple):
    """What one layer carries on: its hidden state h and its cell state c, (n, width) each."""

    hidden: Tensor
    cell: Tensor


class CharLSTM(nn.Module, PyTorchModelHubMixin):
    """The language model.

    Args:
        vocabulary: its characters, in the order of their numbers.
        embedding: length of a character's vector.
        width: units of each layer.
        layers: how many.
        dropout: share of the numbers that training leaves out between layers.
    """

    context = None  # It can read on without end.

    def __init__(
        self,
        *,
        vocabulary: str,
        embedding: int = 128,
        width: int = 512,
        layers: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.token = nn.Embedding(len(vocabulary), embedding)
        self.layers = nn.ModuleList(
            LSTM(embedding if layer == 0 else width, width) for layer in range(layers)
        )
        self.drop = nn.Dropout(dropout)
        self.down = nn.Linear(width, embedding, bias=False)
        self.bias = nn.Parameter(torch.zeros(len(vocabulary)))

    def forward(self, ids: Tensor, past: list[State] | None = None) -> tuple[Tensor, list[State]]:
        """Logits (n, t, vocabulary) of the next character, and the layers' states to go on with.

        Args:
            ids: (n, t) int64.
            past: the states that an earlier call returned.
        """
        h = self.token(ids)
        states = []
        for place, layer in enumerate(self.layers):
            h, state = layer(self.drop(h), past[place] if past else None)
            states.append(state)
        # One matrix for characters on the way in and on the way out (Press & Wolf 2017,
        # https://arxiv.org/abs/1608.05859).
        return linear(self.down(self.drop(h)), self.token.weight, self.bias), states


class LSTM(nn.Module):
    """One layer. Its gates have the order of `nn.LSTM`, i, f, g, o, and share one bias."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.width = width
        bound = width**-0.5
        self.weight_ih = nn.Parameter(torch.empty(4 * width, inputs).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(torch.empty(4 * width, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(4 * width))
        # At first most is kept, sigmoid(1) = 0.73 at each step (Jozefowicz et al. 2015).
        with torch.no_grad():
            self.bias[width : 2 * width] = 1.0

    def forward(self, x: Tensor, past: State | None = None) -> tuple[Tensor, State]:
        """What is shown (n, t, width) for inputs (n, t, inputs), and the state at the end."""
        if past is None:
            nothing = x.new_zeros(len(x), self.width)
            past = State(nothing, nothing)
        shown = []
        # The inputs' part of all gates is one product for all steps; only the rest must wait.
        for entering in linear(x, self.weight_ih, self.bias).unbind(1):
            past = self.cell(entering, past)
            shown.append(past.hidden)
        return torch.stack(shown, dim=1), past

    def cell(self, entering: Tensor, past: State) -> State:
        """One step; `entering` (n, 4 width) is what the input adds to the gates."""
        i, f, g, o = (entering + linear(past.hidden, self.weight_hh)).chunk(4, dim=1)
        cell = f.sigmoid() * past.cell + i.sigmoid() * g.tanh()
        return State(o.sigmoid() * cell.tanh(), cell)
