"""What a family may expect of a network."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from torch import Generator, Tensor

from aigc_core.text import Text


class ImageSampler(Protocol):
    """A network that turns noise, and where it knows classes a class, into a picture.

    Attributes:
        latent_dim: length of the noise vector.
        spread: standard deviation of the noise that it draws best with.
        class_counts: training examples of each class; empty for an unconditional network.
        layers: what each of `stages` does, in a few words for people.
    """

    layers: ClassVar[Mapping[str, Text]]
    latent_dim: int
    spread: float
    class_counts: Sequence[int]

    def sample(self, z: Tensor, y: Tensor, /) -> Tensor:
        """Pictures (n, h, w) in 0..1 from noise (n, latent_dim) and classes (n,) int64."""
        ...

    def stages(self, z: Tensor, y: Tensor, /) -> Iterator[tuple[str, Tensor]]:
        """The same, layer by layer: (name, activations (n, channels, h, w)); the picture last."""
        ...


class Autoencoder(ImageSampler, Protocol):
    """A sampler that also knows the way back; pictures (n, h, w) in 0..1, classes (n,) int64."""

    def encode(self, x: Tensor, y: Tensor, /) -> tuple[Tensor, Tensor]:
        """Mean and log variance (n, latent_dim) of the latents of pictures."""
        ...

    def bounds(self, x: Tensor, y: Tensor, rng: Generator, /) -> tuple[Tensor, Tensor]:
        """Distortion and rate (n,) in nats of pictures of zeros and ones."""
        ...

    def log_likelihood(self, x: Tensor, y: Tensor, k: int, rng: Generator, /) -> Tensor:
        """The importance-weighted bound (n,) on log p(x) in nats, with k samples of z each."""
        ...


class LanguageModel(Protocol):
    """A network that gives every next character a probability.

    Attributes:
        vocabulary: its characters, in the order of their numbers.
        context: places that it can look back over; None where there is no limit.
    """

    vocabulary: str
    context: int | None

    def __call__(self, ids: Tensor, past: Any = None, /) -> tuple[Tensor, Any]:
        """Logits (n, t, vocabulary) of what follows each of ids (n, t) int64, and a state.

        The state, given back as `past`, stands for all that was read so far.
        """
        ...
