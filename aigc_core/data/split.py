"""The two parts of a dataset: one to learn from, one that no model may see."""

from typing import Literal

Split = Literal["train", "test"]
