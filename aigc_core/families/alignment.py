"""Which word of a translation was written from which word of its source."""

import numpy as np


def soft_alignment(weights: np.ndarray) -> np.ndarray:
    """One map (token, looks at) of the cross-attention of all layers and heads.

    It is the mean over the heads of the last layer but one, which has been found to align best
    (Garg et al. 2019, https://arxiv.org/abs/1909.02074); the last one looks ahead to the end. The
    first and the last source token, which say the language and the end, are left out: what is
    nowhere to be found in the source is looked up there.

    Args:
        weights: (layer, head, token, looks at), each row adding up to 1.

    Returns:
        (token, looks at), each row adding up to 1, the first and last column 0.
    """
    merged = weights[max(0, len(weights) - 2)].mean(0)
    merged[:, [0, -1]] = 0
    return merged / np.maximum(merged.sum(1, keepdims=True), 1e-9)
