"""An exponential moving average of a network's weights and buffers.

The decay warms up as (1 + t) / (10 + t), so that the start is forgotten soon. Running statistics
of batch normalisation are averaged with the weights: copied ones belong to other weights.
"""

import copy

import torch
from torch import nn


class Average:
    """The averaged twin of a network, in eval mode."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves towards the network after step number `step` (from 0)."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        mine, theirs = self.network.state_dict(), network.state_dict()
        pairs = [(mine[name], theirs[name]) for name in mine]
        floating = [(a, b) for a, b in pairs if a.is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floating], [b for _, b in floating], weight)
        for a, b in pairs:
            if not a.is_floating_point():
                a.copy_(b)
