"""Shipped weights, one folder per model: config.json, model.safetensors, README.md (its card)."""

from pathlib import Path

CHECKPOINTS = Path(__file__).parent
