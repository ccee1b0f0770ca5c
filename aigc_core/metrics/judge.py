"""The frozen feature network that all figures on digits rest on.

A Fréchet distance only means something within one feature network, so this one was trained once,
before any generator was tuned, and is pinned by its hash.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from aigc_core.checkpoint import WEIGHTS, digest, load_network
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import AigcError
from aigc_core.models.digit_classifier import DigitClassifier
from aigc_core.text import Text

NAME = "mnist-classifier"
FOLDER = CHECKPOINTS / NAME
FROZEN = "sha256:56992b147f42066b04bedde06bf2ac286f2bc26dce2b06b273865a3219b338a1"

# A network may scale its features as it likes, and every distance with them. Divided by the root
# of their mean variance over the training digits, they give distances a unit that does not depend
# on the network: 1 is the mean variance of a feature.
UNIT = 3.7587901


class NotTheJudge(AigcError):
    """Something other than the frozen feature network, or made with another one."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(
            Text(
                "{name} does not belong to the frozen feature network: it has {found}, not "
                "{frozen}. Its figures would compare with no others. Restore the published file.",
                "{name} 与冻结的特征网络不符：其哈希为 {found}，应为 {frozen}。"
                "由此得到的指标无法与其他结果比较。请恢复发布的文件。",
            ),
            name=name,
            found=found,
            frozen=FROZEN,
        )


class Judgement(NamedTuple):
    """Features (n, 128) in `UNIT`s, at least 0, and logits (n, 10), both float32."""

    features: np.ndarray
    logits: np.ndarray


def load_judge(folder: Path = FOLDER) -> DigitClassifier:
    """The frozen network, in eval mode on the CPU.

    Raises:
        NotTheJudge: the weights are not the frozen ones.
        ModelUnavailable: a file is missing or damaged.
    """
    weights = folder / WEIGHTS
    if weights.is_file() and (found := digest(weights)) != FROZEN:
        raise NotTheJudge(f"{folder.name}/{WEIGHTS}", found)
    network: DigitClassifier = load_network(DigitClassifier, folder)
    return network


frozen_judge = cache(load_judge)


@torch.no_grad()
def judge(images: np.ndarray, *, batch: int = 250) -> Judgement:
    """What the frozen network makes of pictures (n, 28, 28), floats in 0..1, n >= 1.

    It stays on the CPU, where the figures were measured.

    Raises:
        ValueError: another shape, no floats, or values outside 0..1.
        NotTheJudge, ModelUnavailable: as `load_judge`.
    """
    if images.ndim != 3 or images.shape[1:] != (28, 28) or len(images) == 0:
        raise ValueError(f"pictures of shape {images.shape}: (n, 28, 28) is needed")
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"pictures of type {images.dtype}: floats in 0..1 are needed")
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"values {images.min()} to {images.max()}: 0..1 is needed")
    network = frozen_judge()
    parts = [
        network.judge(torch.from_numpy(images[start : start + batch].astype(np.float32)))
        for start in range(0, len(images), batch)
    ]
    features, logits = (torch.cat(tensors).numpy() for tensors in zip(*parts, strict=True))
    return Judgement(features / UNIT, logits)
