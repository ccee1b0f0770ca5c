"""Tiny Shakespeare: 1,115,394 characters of the plays, of 65 kinds (Karpathy 2015).

William Shakespeare's words are in the public domain; the collection stands in a repository under
the MIT licence.
"""

import numpy as np

from aigc_core.data.source import DataFile, open_file
from aigc_core.data.split import Split

LICENCE = "public domain"
FILE = DataFile(
    "tiny_shakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    (
        "https://raw.githubusercontent.com/karpathy/char-rnn/"
        "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/",
    ),
)
# The split of nanoGPT: the last tenth is for validation.
TRAINING_SHARE = 0.9


def load_shakespeare(split: Split, *, download: bool = True) -> str:
    """The first nine tenths of the text (`train`) or the last (`test`).

    Raises:
        DatasetMissing: the file is not on the disk, and was not to be, or could not be, fetched.
        CorruptFile: it does not have the published bytes.
    """
    text = open_file(FILE, download=download).decode()
    cut = int(len(text) * TRAINING_SHARE)
    return text[:cut] if split == "train" else text[cut:]


def vocabulary() -> str:
    """All characters of the text, sorted."""
    return "".join(sorted({*load_shakespeare("train"), *load_shakespeare("test")}))


def windows(length: int) -> tuple[np.ndarray, ...]:
    """What recipes train on: every stretch (n, length) of the training text, as numbers."""
    numbers = {character: number for number, character in enumerate(vocabulary())}
    ids = np.array([numbers[c] for c in load_shakespeare("train")], dtype=np.uint8)
    return (np.lib.stride_tricks.sliding_window_view(ids, length, writeable=True),)
