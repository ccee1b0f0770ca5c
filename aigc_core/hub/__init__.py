"""Pretrained models: found on the Hugging Face hub, downloaded once, verified, kept on the disk."""
