"""A text GAN: a policy that writes word by word, and a discriminator that reads along.

A GAN of pictures passes the discriminator's gradient through the picture into the generator. A text
is drawn, and there is no gradient through a draw. SeqGAN (Yu et al. 2017,
https://arxiv.org/abs/1609.05473) takes the generator for a policy instead: the words so far are the
state, the next word is the action, and the discriminator says how good it was. With rewards r_t the
gradient of the expected return is (Williams 1992, REINFORCE)

    grad J = E sum_t grad log q(x_t | x_<t) R_t,    R_t = r_t + r_{t+1} + r_{t+2} ...

where q is the generator's probability and R_t the reward to go.

SeqGAN's discriminator reads whole texts, so each word's reward takes many texts written to the end
from there (rollouts). Here a recurrent discriminator judges every beginning of a text for the price
of one pass, as in ScratchGAN (de Masson d'Autume et al. 2019, https://arxiv.org/abs/1905.09922).
Trained to tell real beginnings from made ones by its logit d_t, it is at its best at

    d_t = log p(x_1..x_t) / q(x_1..x_t),

p being the real texts' probability. So a word's own part in that is the reward

    r_t = d_t - d_{t-1} = log p(x_t | x_<t) / q(x_t | x_<t).

The rewards of a text add up to log p(x) / q(x), whose mean over what the generator writes is
-KL(q || p): the policy gradient lowers the Kullback-Leibler divergence, the other way round than
maximum likelihood does. That divergence asks that all that is written be likely, and not that all
that is likely be written: the samples become better, and fewer kinds of them are left.

The discriminator's logit is a product of what it has read with the next word's vector, so it knows
d_t(w) for every word w that might have come next. Of R_t only a word's own reward is kept, and its
d_{t-1}, being the same for all w, drops out; then the sum over x_t is exact,

    grad J = E sum_t sum_w grad q(w | x_<t) d_t(w),

and only the beginnings x_<t are drawn. Of thousands of words a draw tries one, so this spares much
noise (Sutton et al. 2000; Allen et al. 2017, https://arxiv.org/abs/1709.00503). What it leaves out
is what a word does to the rewards after it.
"""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, linear, pad

from aigc_core.models.char_lstm import LSTM

# The number of the word that ends a text, and of a place after the end of a shorter text.
END, NOTHING = 0, -1


class Reader(nn.Module):
    """An LSTM that has read all words before the one that is asked for.

    Args:
        words: how many there are.
        embedding: length of a word's vector.
        width: units of the LSTM.
        dropout: share of the numbers that training leaves out, on the way in and out.
    """

    def __init__(self, words: int, embedding: int, width: int, dropout: float) -> None:
        super().__init__()
        self.token = nn.Embedding(words, embedding)
        self.first = nn.Parameter(torch.randn(embedding))
        self.lstm = LSTM(embedding, width)
        self.drop = nn.Dropout(dropout)

    def read(self, ids: Tensor) -> Tensor:
        """What is known (n, t, width) before each word of ids (n, t)."""
        first = self.first.expand(len(ids), 1, -1)
        x = torch.cat([first, self.token(ids[:, :-1].clamp(min=0))], dim=1)
        return self.drop(self.lstm(self.drop(x))[0])


class Generator(Reader, PyTorchModelHubMixin):
    """The policy q(x_t | x_<t).

    Texts are (n, length) int64: the numbers of words, then END where texts end at all, then
    NOTHING.

    Args:
        vocabulary: its words, a character each, in the order of their numbers.
        length: places of a text, its end included.
        ends: whether the first word of the vocabulary ends a text; else all have the full length.
        embedding: length of a word's vector.
        width: units of the LSTM.
        tied: whether words have one matrix on the way in and on the way out.
        dropout: share of the numbers that training leaves out.
    """

    def __init__(
        self,
        *,
        vocabulary: str,
        length: int,
        ends: bool = True,
        embedding: int = 32,
        width: int = 32,
        tied: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(len(vocabulary), embedding, width, dropout)
        self.vocabulary, self.length, self.ends = vocabulary, length, ends
        self.down = nn.Linear(width, embedding, bias=False) if tied else nn.Identity()
        self.out = None if tied else nn.Parameter(torch.randn(len(vocabulary), width) * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(len(vocabulary)))

    def forward(self, ids: Tensor) -> Tensor:
        """log q (n, length, words) of every word at every place, given the words before it."""
        return self.logits(self.read(ids)).log_softmax(-1)

    def logits(self, read: Tensor) -> Tensor:
        return linear(
            self.down(read), self.token.weight if self.out is None else self.out, self.bias
        )

    def costs(self, ids: Tensor, temperature: float = 1.0) -> Tensor:
        """-log q (n,) in nats of whole texts, at the temperature by which they are drawn."""
        logits = self.logits(self.read(ids)).transpose(1, 2) / temperature
        return cross_entropy(logits, ids, ignore_index=NOTHING, reduction="none").sum(1)

    @torch.no_grad()
    def sample(self, u: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        """Texts (n, length), a row from each row of numbers.

        Args:
            u: (n, length) in 0..1; place t is the word at which the cumulative probability of the
                words passes u_t, so that evenly spread numbers draw words as often as they are
                probable.
            temperature: divides the logits; a number, or (n, 1) for each row.
        """
        x, state = self.first.expand(len(u), 1, -1), None
        ended = torch.zeros(len(u), dtype=torch.bool, device=u.device)
        text = []
        for place in u.split(1, dim=1):
            read, state = self.lstm(x, state)
            drawn = draw(self.logits(read[:, 0]) / temperature, place)
            text.append(drawn.masked_fill(ended, NOTHING))
            if self.ends and bool((ended := ended | (drawn == END)).all()):
                break
            x = self.token(drawn).unsqueeze(1)
        return pad(torch.stack(text, dim=1), (0, u.shape[1] - len(text)), value=NOTHING)


class Discriminator(Reader):
    """Tells the beginnings of real texts from those of made ones.

    Args:
        words: how many there are.
        embedding: length of a word's vector.
        width: units of the LSTM.
        dropout: share of the numbers that training leaves out.
    """

    def __init__(self, words: int, embedding: int, width: int, dropout: float) -> None:
        super().__init__(words, embedding, width, dropout)
        # It begins without an opinion.
        self.out = nn.Parameter(torch.randn(words, width) * 0.1 * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(words))
        self.context = nn.Linear(width, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """d_t (n, length): the logit of a real text after each word; 0 after the end."""
        read, words = self.read(ids), ids.clamp(min=0)
        own = (read * self.out[words]).sum(-1) + self.bias[words]
        return (own + self.context(read).squeeze(-1)).masked_fill(ids == NOTHING, 0.0)

    def every(self, ids: Tensor) -> Tensor:
        """d_t(w) (n, length, words) had any word w come instead, but for what is the same for all.

        That is a function of the words before alone, and no gradient of the policy depends on it.
        """
        return linear(self.read(ids), self.out, self.bias)


def discriminator_loss(discriminator: nn.Module, real: Tensor, made: Tensor) -> Tensor:
    """Cross-entropy in nats a word of telling real texts (n, length) from made ones (m, length)."""
    ids = torch.cat([real, made])
    words = ids != NOTHING
    truth = torch.cat([torch.ones_like(real), torch.zeros_like(made)]).float()
    return binary_cross_entropy_with_logits(discriminator(ids)[words], truth[words])


def expected_loss(log_q: Tensor, ids: Tensor, d: Tensor) -> Tensor:
    """Its gradient is -grad J, with the sum over the next word exact and its own reward alone.

    Args:
        log_q: (n, length, words), as `Generator` gives it for ids.
        ids: texts (n, length) that the policy has drawn.
        d: (n, length, words) of every word that might have been.
    """
    return -((log_q.exp() * d).sum(2) * (ids != NOTHING)).sum(1).mean()


def draw(logits: Tensor, u: Tensor) -> Tensor:
    """Words (n,) drawn from logits (n, words) by numbers u (n, 1) in 0..1."""
    reached = logits.softmax(-1).cumsum(-1)
    # Rounding may leave the last a little off 1.
    words = torch.searchsorted(reached, u * reached[:, -1:], right=True)
    return words.squeeze(1).clamp(max=logits.shape[1] - 1)
