"""MNIST: 60,000 + 10,000 handwritten digits, 28x28 grey (LeCun, Cortes & Burges 1998).

Licence: CC BY-SA 3.0, Y. LeCun and C. Cortes. The suite never ships a picture of it.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from aigc_core.data.source import DataFile, open_file
from aigc_core.data.split import Split

LICENCE = "CC BY-SA 3.0"
# How many of each class the training digits are.
TRAINING_COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
HOMES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FILES = {
    "train": (
        DataFile(
            "mnist/train-images-idx3-ubyte.gz",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            HOMES,
        ),
        DataFile(
            "mnist/train-labels-idx1-ubyte.gz",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            HOMES,
        ),
    ),
    "test": (
        DataFile(
            "mnist/t10k-images-idx3-ubyte.gz",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            HOMES,
        ),
        DataFile(
            "mnist/t10k-labels-idx1-ubyte.gz",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            HOMES,
        ),
    ),
}


@dataclass(frozen=True)
class Digits:
    """Pictures (n, 28, 28) uint8, 0 is paper and 255 is ink, and their classes (n,) int64."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def load_mnist(split: Split, *, download: bool = True) -> Digits:
    """The training (60,000) or test (10,000) digits.

    Raises:
        DatasetMissing: the files are not on the disk and were not to be, or could not be, fetched.
        CorruptFile: a file does not have the published bytes.
    """
    images, labels = (read_idx(open_file(file, download=download)) for file in FILES[split])
    return Digits(images, labels.astype(np.int64))


def read_idx(content: bytes) -> np.ndarray:
    """The array in an IDX file: two zero bytes, type 8 (uint8), rank, sizes, values."""
    if content[:3] != b"\x00\x00\x08":
        raise ValueError("not an IDX file of bytes")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()


def is_here(*splits: Split) -> bool:
    """Whether these splits, or without any named both, are on the disk, without reading them."""
    wanted = splits or ("train", "test")
    return all(file.path() is not None for split in wanted for file in FILES[split])


def revision(split: Split) -> str:
    """What pins a split: `sha256:` and the hash over its files' checksums."""
    checksums = "".join(file.sha256 for file in FILES[split])
    return "sha256:" + hashlib.sha256(checksums.encode()).hexdigest()


def training_digits() -> tuple[np.ndarray, np.ndarray]:
    """The arrays that recipes train on: pictures (60000, 28, 28) uint8 and classes (60000,)."""
    digits = load_mnist("train")
    return digits.images, digits.labels
