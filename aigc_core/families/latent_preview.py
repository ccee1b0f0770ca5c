"""What unfinished pictures look like, without the VAE: a linear map from latents to colours.

The four channels of Stable Diffusion's latents are nearly a linear function of the colours they
decode to. The factors were fitted by users: those of SD 1 and 2 by "keturn"
(https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204), those of SDXL
by Timothy Alexis Vass, as the guide of diffusers on callbacks has them
(https://huggingface.co/docs/diffusers/using-diffusers/callback).
"""

from typing import Any

import numpy as np

# Red, green and blue in -1..1 for each of the four channels.
SD = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)
# In levels of 255, and what is added to them.
SDXL = ((60, 60, 60), (-60, -5, 10), (25, 15, -5), (-70, -50, -35))
SDXL_GROUND = (150, 140, 130)
# The VAE of SDXL scales its latents by this; those of SD 1 and 2 by 0.18215.
SDXL_SCALE = 0.13025
SIDE = 8  # pixels of a picture for one of its latents


def rgb(pipe: Any, latents: Any) -> list[np.ndarray] | None:
    """Small pictures (h, w, 3) uint8 of latents (n, 4, h, w); None where no map is known."""
    import torch

    if not torch.is_tensor(latents) or latents.dim() != 4 or latents.shape[1] != 4:
        return None
    scale = getattr(getattr(getattr(pipe, "vae", None), "config", None), "scaling_factor", 0)
    values = latents.detach().float().cpu().movedim(1, -1)
    if abs(scale - SDXL_SCALE) < 1e-4:
        levels = values @ torch.tensor(SDXL).float() + torch.tensor(SDXL_GROUND).float()
    else:
        levels = (values @ torch.tensor(SD) + 1) * 127.5
    return list(levels.clamp(0, 255).to(torch.uint8).numpy())


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """A finished picture (h, w, 3) uint8 in the size of those: the mean of 8x8 pixels."""
    height, width = (side // SIDE * SIDE for side in picture.shape[:2])
    blocks = picture[:height, :width].reshape(height // SIDE, SIDE, width // SIDE, SIDE, 3)
    return blocks.mean(axis=(1, 3)).astype(np.uint8)
