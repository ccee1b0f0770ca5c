"""A variational autoencoder of sentences: LSTMs that read a line of verse into a point, and back.

As in the VAE of pictures, a line x comes about by drawing z ~ N(0, I) and then the line from
p(x|z), and an encoder q(z|x) = N(mean(x), var(x)) bounds the likelihood from below. Here p(x|z) is
a language model that is told z (Bowman et al. 2016, https://arxiv.org/abs/1511.06349):

    log p(x|z) = sum_t log p(x_t | x_<t, z)
    log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || N(0, I)) = -distortion - rate

A line is a point then, and between two points there are others: a walk from one line to another.

The trouble is posterior collapse. The writer can model lines from x_<t alone, without z. Early in
training z says nothing yet, so the cheapest thing is to set q(z|x) = N(0, I), whose rate is 0;
then the writer learns to do without z, and it stays so. The remedies here:

- Word dropout (Bowman): in training, characters of x_<t are hidden now and then, so that what
  comes next is better learned from z.
- The rate's weight rises from 0 to 1 over the first steps (Bowman).
- Free bits (Kingma et al. 2016, https://arxiv.org/abs/1606.04934; for text Li et al. 2019,
  https://arxiv.org/abs/1909.00868): each of the d units of z may cost floor / d nats on average
  over the batch B before it costs anything in the loss,

      L = E_B[distortion] + weight * sum_j max(floor / d, E_B[rate_j]),

  so that nothing is gained by saying less than `floor` nats about a line. This is the
  one that holds in the end: it fixes how much a point tells.
- Short ways for z: it enters the writer at every step, and the choice of each character directly
  (Dieng et al. 2019, https://arxiv.org/abs/1807.04863). The reader's states are pooled over the
  line by their maximum, which keeps lines apart from the start (Long et al. 2019,
  https://arxiv.org/abs/1911.03976).

A higher floor brings more of a line back, and lets q(z|x) leave the prior further, so that lines
drawn from the prior are worse: a choice between reading well and drawing well.
"""

from collections.abc import Collection
from math import log

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from aigc_core.models.char_lstm import LSTM, State
from aigc_core.models.vae import draw, gaussian

# The number of the sign that ends a line, and of a place after the end of a shorter line.
END, NOTHING = 0, -1


class TextVAE(nn.Module, PyTorchModelHubMixin):
    """Reader and writer.

    A batch of lines is (n, t) int64: the numbers of a line's characters, then END, then NOTHING
    up to the length of the longest.

    Args:
        vocabulary: its characters, in the order of their numbers; the first ends a line.
        latent_dim: length of z.
        embedding: length of a character's vector.
        reader: units of the encoder in each direction.
        writer: units of the decoder.
        dropout: share of the numbers that training leaves out around the LSTMs.
    """

    def __init__(
        self,
        *,
        vocabulary: str,
        latent_dim: int = 64,
        embedding: int = 192,
        reader: int = 256,
        writer: int = 384,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.vocabulary, self.latent_dim = vocabulary, latent_dim
        self.token = nn.Embedding(len(vocabulary), embedding)
        nn.init.normal_(self.token.weight, std=0.1)
        self.forwards, self.backwards = LSTM(embedding, reader), LSTM(embedding, reader)
        self.latent = nn.Linear(2 * reader, 2 * latent_dim)
        self.start = nn.Linear(latent_dim, 2 * writer)
        self.writer = LSTM(embedding + latent_dim, writer)
        self.down = nn.Linear(writer + latent_dim, embedding)
        self.bias = nn.Parameter(torch.zeros(len(vocabulary)))
        self.drop = nn.Dropout(dropout)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (n, latent_dim) of q(z|x)."""
        there = x >= 0
        h = self.drop(self.token(x.clamp(min=0)))
        order = reversing(there)
        ahead, _ = self.forwards(h)
        back, _ = self.backwards(along(h, order))
        # Turned round again, both tell of the same places.
        read = torch.cat([ahead, along(back, order)], dim=2)
        pooled = read.masked_fill(~there.unsqueeze(2), -torch.inf).amax(1)
        mean, log_variance = self.latent(self.drop(pooled)).chunk(2, 1)
        return mean, log_variance

    def decode(self, z: Tensor, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Logits (n, t, vocabulary) of each character of lines, given z and those before.

        Args:
            hidden: (n, t) bool, the places that are not told the character just before them.
        """
        before = torch.cat([torch.full_like(x[:, :1], END), x[:, :-1].clamp(min=0)], dim=1)
        return self.following(z, before, hidden=hidden)[0]

    def following(
        self, z: Tensor, ids: Tensor, past: State | None = None, hidden: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Logits (n, t, vocabulary) of what follows each of ids (n, t), and a state to go on with.

        Args:
            z: (n, latent_dim).
            ids: characters, the first line's first being END.
            past: the state that an earlier call returned.
            hidden: (n, t) bool, which of them are not looked at.
        """
        if past is None:
            past = State(*self.start(z).tanh().chunk(2, 1))
        entering = self.token(ids)
        if hidden is not None:
            entering = entering.masked_fill(hidden.unsqueeze(2), 0)
        every = z.unsqueeze(1).expand(-1, ids.shape[1], -1)
        h, past = self.writer(torch.cat([self.drop(entering), every], dim=2), past)
        out = self.down(torch.cat([self.drop(h), every], dim=2))
        return linear(out, self.token.weight, self.bias), past

    def bounds(
        self, x: Tensor, rng: torch.Generator, word_dropout: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Distortion (n,) and each unit's rate (n, latent_dim) of lines, in nats.

        Args:
            word_dropout: the share of characters hidden from the writer.
        """
        mean, log_variance = self.encode(x)
        z = draw(mean, log_variance, rng)
        hidden = None
        if word_dropout:
            hidden = torch.rand(x.shape, generator=rng, device=x.device) < word_dropout
        return distortion(x, self.decode(z, x, hidden)), rate(mean, log_variance)

    @torch.no_grad()
    def log_likelihood(self, x: Tensor, k: int, rng: torch.Generator) -> Tensor:
        """The importance-weighted bound (n,) on log p(x) in nats, with k draws each.

        Burda et al. 2016, https://arxiv.org/abs/1509.00519.
        """
        mean, log_variance = self.encode(x)
        weights = []
        for _ in range(k):
            z = draw(mean, log_variance, rng)
            prior = gaussian(z, torch.zeros_like(z), torch.zeros_like(z))
            posterior = gaussian(z, mean, log_variance)
            weights.append(prior - posterior - distortion(x, self.decode(z, x)))
        return torch.stack(weights).logsumexp(0) - log(k)

    @torch.no_grad()
    def write(
        self,
        z: Tensor,
        *,
        lengths: Collection[int] = (),
        longest: int = 7,
        temperature: float = 0.0,
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Lines (n, longest + 1) for z (n, latent_dim), in the form of a batch.

        Args:
            lengths: of which every line has one, the last being `longest`; nothing for any. A line
                may end elsewhere or not at all then.
            longest: characters at most; without `lengths` a line that does not end has one more.
            temperature: divides the logits before a character is drawn; 0 takes the likeliest, and
                ends a line where that is likelier than going on.
            rng: of the CPU, for a temperature above 0.
        """
        x = torch.full((len(z), longest + 1), NOTHING, device=z.device)
        last, state = torch.full((len(z), 1), END, device=z.device), None
        writing = torch.ones(len(z), dtype=torch.bool, device=z.device)
        for place in range(longest + 1):
            logits, state = self.following(z, last, state)
            last_logits = logits[:, -1].float()
            if lengths and place not in lengths:
                last_logits[:, END] = -torch.inf
            if place == longest and lengths:
                chosen = torch.full_like(last[:, 0], END)
            elif temperature == 0:
                chosen = likeliest(last_logits)
            else:
                drawn = (last_logits / temperature).softmax(1).cpu().multinomial(1, generator=rng)
                chosen = drawn[:, 0].to(z.device)
            x[:, place] = chosen.where(writing, NOTHING)
            writing = writing & (chosen != END)
            last = chosen.unsqueeze(1)
        return x


def rate(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q(z|x) || N(0, 1)) of each unit (n, latent_dim) in nats."""
    return (mean**2 + log_variance.exp() - 1 - log_variance) / 2


def distortion(x: Tensor, logits: Tensor) -> Tensor:
    """-log p(x|z) (n,) of lines in nats, their ends included."""
    costs = cross_entropy(
        logits.flatten(0, 1).float(), x.flatten(), ignore_index=NOTHING, reduction="none"
    )
    return costs.unflatten(0, x.shape).sum(1)


def free_bits(rates: Tensor, least: float) -> Tensor:
    """What rates (n, latent_dim) cost in the loss: a unit's mean, but `least` nats at least.

    A unit below that has no gradient.
    """
    return rates.mean(0).clamp(min=least).sum()


def likeliest(logits: Tensor) -> Tensor:
    """The likeliest characters (n,); END where it is likelier than all others together."""
    ends = logits[:, END] > logits[:, END + 1 :].logsumexp(1)
    return torch.where(ends, END, logits[:, END + 1 :].argmax(1) + END + 1)


def reversing(there: Tensor) -> Tensor:
    """The order (n, t) that turns each line round and leaves the places after its end."""
    places = torch.arange(there.shape[1], device=there.device).expand_as(there)
    turned = there.sum(1, keepdim=True) - 1 - places
    return torch.where(there, turned, places)


def along(h: Tensor, order: Tensor) -> Tensor:
    """Vectors (n, t, width) in another order (n, t) of their places."""
    return h.gather(1, order.unsqueeze(2).expand_as(h))
