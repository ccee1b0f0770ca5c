"""A small convolutional network that reads handwritten digits: the judge behind our metrics.

FID and the Inception score (see `aigc_core.metrics`) need a network that knows the data. For
photographs one takes Inception-v3; for 28x28 digits its features say little, so this network
stands in for it: its class probabilities give the Inception score and the label accuracy, the
128 activations before the last layer give the feature space of all the distances.

The layers are those of VGG (Simonyan & Zisserman 2014, https://arxiv.org/abs/1409.1556) in small:
pairs of 3x3 convolutions with batch normalisation, halved by pooling.
"""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn


class DigitClassifier(nn.Module, PyTorchModelHubMixin):
    """Picture to class.

    Args:
        classes: number of classes.
        width: channels at 28x28; twice as many at 14x14 and at 7x7.
        features: length of the feature vector.
        dropout: share of features dropped in training.
    """

    def __init__(
        self, *, classes: int = 10, width: int = 32, features: int = 128, dropout: float = 0.4
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(1, width),
            *convolution(width, width),
            nn.MaxPool2d(2),
            *convolution(width, 2 * width),
            *convolution(2 * width, 2 * width),
            nn.MaxPool2d(2),
            *convolution(2 * width, 2 * width),
            nn.Flatten(),
            nn.Linear(2 * width * 7 * 7, features),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(features, classes))

    def features(self, x: Tensor) -> Tensor:
        """Feature vectors (n, features), all >= 0, from pictures (n, 28, 28) in 0..1."""
        return self.body(x.unsqueeze(1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes) from pictures (n, 28, 28) in 0..1."""
        return self.head(self.features(x))

    @torch.no_grad()
    def judge(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Feature vectors (n, features) and logits (n, classes) in one pass."""
        features = self.features(x)
        return features, self.head(features)


def convolution(channels_in: int, channels_out: int) -> list[nn.Module]:
    """A 3x3 convolution that keeps the size, batch normalisation, ReLU."""
    return [
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]
